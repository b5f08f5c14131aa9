-- Values as they are compared.
\set ON_ERROR_ROLLBACK on
\set VERBOSITY terse
BEGIN;
CREATE FUNCTION pg_temp.norm(kind text, VARIADIC given text[]) RETURNS TABLE (given text, form text)
LANGUAGE sql AS $$ SELECT v, lp_normalize(kind, v) FROM unnest(given) WITH ORDINALITY u(v, n) ORDER BY n $$;

-- Numbers that the plain rule settles do not load libphonenumber.
SELECT lp_normalize('phone', '+1 (202) 555-0158'), lp_normalize('phone', '416 555 0123', 'CA'), lp_normalize('phone', '+44 20 7946 0100'), lp_normalize('phone', '1-800-FLOWERS', 'US');
SELECT pg_read_file('/proc/self/maps') LIKE '%libphonenumber%' AS loaded;
SELECT lp_normalize('phone', '+49 30 901820');
SELECT pg_read_file('/proc/self/maps') LIKE '%libphonenumber%' AS loaded;

-- Addresses: blanks, case, IDN, mailto.
SELECT * FROM pg_temp.norm('email', 'jane@acme.test', '  Jane.Doe@ACME.Test ',
    'MAILTO:Jane@Acme.test?subject=x', 'jane+news@acme.test', 'j.a.n.e@acme.test',
    U&'J\00C4ne@b\00DCcher.example', U&'ja\0308ne@xn--bcher-kva.EXAMPLE', 'jane@acme.test.',
    U&'jane@\4F8B\3048\3002\30C6\30B9\30C8', '"Jane Doe"@acme.test', U&'\0418\0412\0410\041D@acme.test');
-- What nobody sees (and psql's versions do not agree how wide it is).
SELECT lp_normalize('email', U&'\00A0jane@acme.test\200B\FEFF');
-- One mailbox at Google.
SELECT DISTINCT form FROM pg_temp.norm('email', 'janedoe@gmail.com', 'Jane.Doe+list@gmail.com', 'j.a.n.e.doe@googlemail.com', 'JANEDOE+@GMAIL.COM');
-- No address.
SELECT * FROM pg_temp.norm('email', '', ' ', 'jane', 'jane@', '@acme.test', 'jane@acme', 'jane doe@acme.test', 'a@b@acme.test',
    'Jane <jane@acme.test>', '<jane@acme.test>', 'jane@acme..test', 'jane@-acme.test', 'jane@acme_x.test', 'jane@10.0.0.1', 'jane@[10.0.0.1]',
    '.jane@acme.test', 'jane..doe@acme.test', 'jane,joe@acme.test', E'jane\tx@acme.test', 'n/a', 'null');
-- Length: 320 bytes are an address, 321 are not.
SELECT length(lp_normalize('email', repeat('a', 310) || '@acme.test')), length(lp_normalize('email', repeat('a', 311) || '@acme.test'));
SELECT lp_normalize('email', repeat('a', 100000) || '@acme.test');
-- Placeholders and invented values tie nobody.
SELECT * FROM pg_temp.norm('email', 'email_not_unlocked@domain.com', ' EMAIL_NOT_UNLOCKED@Acme.Test', 'test@test.com', 'Test+1@TEST.com', 'a@a.com',
    'noreply@acme.test', 'No-Reply@acme.test', 'donotreply@acme.test', 'noreply-42@acme.test', 'none@none.com', 'na@na.com',
    'email@example.com', 'name@domain.com');
-- These are people (or mailboxes), reserved domains included.
SELECT * FROM pg_temp.norm('email', 'ada@example.com', 'email_not_unlocked_x@acme.test', 'test@acme.test', 'noreplyson@acme.test', 'info@acme.test', 'nobody@unknown-co.example');

-- Domains.
SELECT * FROM pg_temp.norm('domain', 'Acme.Test', 'www.acme.test', 'https://www.acme.test/path?q=1#x', 'http://user@acme.test:8080', '//acme.test/x', 'acme.test.',
    'jane@acme.test', 'www.test', U&'M\00DCNCHEN.example', 'XN--MNCHEN-3YA.example', U&'stra\00DFe.example', 'mail.acme.co.uk',
    'acme', '', 'a_b.com', 'x y.com', 'a..b', '.a.com', '-a.com', '127.0.0.1', 'acme.test:80x', repeat('a', 64) || '.test', repeat('a', 63) || '.test');

-- LinkedIn profiles: one person, many spellings.
SELECT form, count(*) FROM pg_temp.norm('linkedin', 'http://www.linkedin.com/in/jane-doe-1a2b3c', 'https://www.linkedin.com/in/jane-doe-1a2b3c/',
    'linkedin.com/in/Jane-Doe-1A2B3C', 'https://uk.linkedin.com/in/jane-doe-1a2b3c?trk=people', 'HTTPS://LinkedIn.com/IN/jane%2Ddoe-1a2b3c#about',
    '//www.linkedin.com/in/jane-doe-1a2b3c/de', 'jane-doe-1a2b3c', 'in/jane-doe-1a2b3c', ' www.linkedin.com//in//jane-doe-1a2b3c ',
    'https://m.linkedin.com/in/jane-doe-1a2b3c/details/experience/', 'https://www.linkedin.com/mwlite/in/jane-doe-1a2b3c') GROUP BY form;
SELECT form, count(*) FROM pg_temp.norm('linkedin', U&'https://linkedin.com/in/jos\00E9-garc\00EDa', 'https://linkedin.com/in/jos%C3%A9-garc%C3%ADa',
    'https://linkedin.com/in/JOS%c3%89-garc%c3%ada', 'https://linkedin.com/in/jose%CC%81-garci%CC%81a') GROUP BY form;
SELECT * FROM pg_temp.norm('linkedin', 'https://www.linkedin.com/pub/jane-doe/4/5a/6b7', 'https://www.linkedin.com/pub/jane-doe',
    'https://www.linkedin.com/company/acme', 'https://www.linkedin.com/sales/people/ACwAAAExample', 'https://www.linkedin.com/in/', 'https://www.linkedin.com/',
    'https://evil.test/in/jane', 'https://notlinkedin.com/in/jane', 'https://linkedin.com.evil.test/in/jane', 'n/a', 'none', 'Jane Doe', 'jane.doe',
    'https://linkedin.com/in/a%00b', 'https://linkedin.com/in/%ff%fe', 'https://linkedin.com/in/a%2Fb', '');
SELECT lp_normalize('linkedin', 'https://linkedin.com/in/' || repeat('a', 3000));

-- Phones.
SELECT v, lp_normalize('phone', v, r), r FROM (VALUES (1, '+1 202-555-0158', NULL), (2, '(202) 555-0158', 'US'), (3, '1-202-555-0158', 'United States'),
    (4, '202.555.0158', 'CA'), (5, '+44 20 7946 0100', NULL), (6, '+44 (0)20 7946 0100', NULL), (7, '020 7946 0100', 'GB'), (8, '+44 7700 900132', NULL),
    (9, '0044 7700 900132', NULL), (10, '0491 570 006', 'AU'), (11, '0011 44 7700 900132', 'AU'), (12, '+61 491 570 156', NULL), (13, '91 555 0111', 'PT'),
    (14, U&'\FF0B\FF14\FF14\FF12\FF10\FF17\FF19\FF14\FF16\FF10\FF11\FF10\FF10', NULL), (15, U&'+44\00A020\20117946\20110100', NULL),
    (16, '+1 202 555 0158 ext. 12', NULL), (17, '+1 202 555 0158 x12', NULL), (18, 'tel:+1-202-555-0158', NULL), (19, '''+12025550158', NULL),
    (20, '12025550158.0', 'US'), (21, '+39 06 1234 5678', NULL), (22, '+49 30 901820', NULL)) p(n, v, r) ORDER BY n;
-- Refused: letters, spreadsheets' numbers, rubbish, no region. (7 has the right length, so it is possible.)
SELECT v, lp_normalize('phone', v, r), r FROM (VALUES (1, '1-800-FLOWERS', 'DE'), (2, '4.91E+11', NULL), (3, '4.91701234567E+11', 'DE'), (4, '++44 20 7946 0100', NULL),
    (5, '2025550158', NULL), (6, '+1 202 555', NULL), (7, '+1 202 111 0158', NULL), (8, 'n/a', 'US'), (9, '', 'US'), (10, '+', NULL), (11, '+999 123 456 789', NULL),
    (12, '12/03/2026', 'US'), (13, 'call +12025550158', NULL), (14, '+12025550158 or +12025550159', NULL), (15, repeat('1', 70), 'US'), (16, '0', 'GB')) p(n, v, r) ORDER BY n;
-- Invented numbers identify nobody.
SELECT v, lp_normalize('phone', v) FROM (VALUES (1, '+15555555555'), (2, '+12345678901'), (3, '+10000000000'), (4, '+447123456789'), (5, '+4411111111111'), (6, '+19876543210')) p(n, v) ORDER BY n;

-- Apollo ids as they are; kinds.
SELECT * FROM pg_temp.norm('apollo_id', '5f5E100', ' x ', '');
SELECT lp_normalize('email', NULL), lp_normalize('phone', NULL, 'US');
SELECT lp_normalize('fax', 'x');
SELECT lp_normalize(NULL, 'x');
SELECT lp_normalize('phone', '202 555 0158', 'Atlantis');
ROLLBACK;
