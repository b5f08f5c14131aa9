-- Every body in a transaction of its own, as an engine would; jsonb refuses
-- U+0000 and halves of surrogate pairs, so those bodies take the other door.
SET leadpool.now = '2026-03-02 10:00+00';
DO $$
DECLARE
    b record;
BEGIN
    FOR b IN SELECT * FROM demo.body ORDER BY n LOOP
        IF b.door = 'jsonb' THEN
            INSERT INTO demo.captured SELECT b.n, c.* FROM lp_capture_apollo(b.body::jsonb) c;
        ELSE
            INSERT INTO demo.captured SELECT b.n, c.* FROM lp_capture_apollo_raw(b.body) c;
        END IF;
        COMMIT;
    END LOOP;
END
$$;
