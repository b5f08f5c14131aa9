/*
 * email.c
 *	  Mail addresses as they are compared.
 *
 * Only plain addresses count (and "mailto:" before one): no display name, no
 * list, no comment.  The local part is folded by lp_text_fold although a
 * server may tell case apart: none that matters does.  A quoted local part
 * keeps its quotes.  At most 320 bytes; longer text is no address.
 *
 * Blocked values are words that people type to get past a form.  The domains
 * that are reserved for documentation are not blocked as such.
 */
#include "postgres.h"

#include "util/domain.h"
#include "util/email.h"
#include "util/text.h"

#define MAX_BYTES 320

/* Sorted. */
static const char *const role_words[] = {
	"abuse", "accounting", "accounts", "admin", "administration",
	"administrator", "ads", "advertising", "all", "billing", "booking",
	"bookings", "bureau", "business", "career", "careers", "compliance",
	"contact", "contacto", "contactus", "customer-service",
	"customerservice", "customersupport", "data", "dataprotection",
	"datenschutz", "dpo", "editor", "enquiries", "enquiry", "events",
	"everyone", "feedback", "finance", "gdpr", "general", "hello", "help",
	"helpdesk", "hi", "hostmaster", "hr", "info", "information", "inquiries",
	"inquiry", "invoice", "invoices", "it", "jobs", "kontakt", "legal",
	"mail", "management", "marketing", "media", "news", "newsletter", "noc",
	"office", "operations", "orders", "partners", "partnerships",
	"postmaster", "pr", "press", "privacy", "procurement", "purchasing",
	"reception", "recruiting", "recruitment", "registrar", "root", "sales",
	"secretary", "security", "service", "services", "shop", "staff",
	"subscribe", "support", "team", "tech", "unsubscribe", "vertrieb",
	"verwaltung", "webmaster",
};

/* Sorted; both the local part and the first label of the domain. */
static const char *const blocked_words[] = {
	"a", "aa", "aaa", "aaaa", "abc", "asd", "asdf", "asdfg", "b", "bla",
	"blah", "dummy", "email", "example", "fake", "foo", "mail", "n-a", "na",
	"name", "nil", "no", "noemail", "nomail", "none", "nope", "null",
	"qwerty", "sample", "spam", "test", "testing", "undefined", "unknown",
	"x", "xx", "xxx", "xyz",
};

/* Sorted. */
static const char *const blocked_addresses[] = {
	"a@b.com", "email@company.com", "email@domain.com", "email@example.com",
	"email@yourdomain.com", "example@domain.com", "example@email.com",
	"first.last@domain.com", "firstname.lastname@domain.com",
	"john.doe@domain.com", "mail@domain.com", "n/a@n/a.com",
	"na@noemail.com", "name@company.com", "name@domain.com",
	"name@email.com", "name@example.com", "no@email.com", "no@mail.com",
	"noemail@domain.com", "noemail@example.com", "noemail@gmail.com",
	"none@email.com", "none@gmail.com", "none@noemail.com", "test@gmail.com",
	"user@domain.com", "username@domain.com", "you@company.com",
	"you@domain.com", "you@example.com", "your@email.com",
	"youremail@domain.com", "youremail@example.com", "yourname@company.com",
	"yourname@domain.com", "yourname@example.com",
};

static const char *const no_reply_words[] = {
	"do-not-reply", "do.not.reply", "do_not_reply", "donot-reply",
	"donotreply", "no-reply", "no.reply", "no_reply", "noreply",
};

/* The part before the last @, as given; NULL if it cannot be one. */
static char *
local_part(const char *address, const char *at)
{
	size_t		len = at - address;
	bool		quoted = len >= 3 && *address == '"' && at[-1] == '"';
	const char *body = quoted ? address + 1 : address;
	const char *end = quoted ? at - 1 : at;

	if (len == 0)
		return NULL;
	if (!quoted && (*address == '.' || at[-1] == '.'))
		return NULL;
	for (const char *p = body; p < end; p++)
	{
		if ((unsigned char) *p < ' ' || *p == 0x7F)
			return NULL;
		if (quoted)
		{
			if (*p == '\\' && ++p >= end)
				return NULL;
			else if (*p == '"' && p[-1] != '\\')
				return NULL;
		}
		else if (strchr(" ,:;<>()[]\\\"@", *p) != NULL || lp_text_blank(p) > 0 ||
				 (*p == '.' && p[1] == '.'))
			return NULL;
	}
	return pnstrdup(address, len);
}

/* Drops +tag (never the whole part) and dots, in place. */
static void
gmail_local(char *local)
{
	char	   *tag = strchr(local, '+');
	char	   *out = local;

	if (*local == '"')
		return;
	if (tag != NULL && tag != local)
		*tag = '\0';
	for (char *p = local; *p != '\0'; p++)
		if (*p != '.')
			*out++ = *p;
	*out = '\0';
}

char *
lp_email_match(const char *address)
{
	const char *at;
	char	   *local;
	char	   *domain;
	char	   *text;

	/* Blanks around it are not counted, but bounded too. */
	if (strlen(address) > 4 * MAX_BYTES)
		return NULL;
	text = lp_text_trim(address);
	if (pg_strncasecmp(text, "mailto:", 7) == 0)
	{
		text += 7;
		text[strcspn(text, "?")] = '\0';
	}
	at = strrchr(text, '@');
	if (at == NULL || strlen(text) > MAX_BYTES)
		return NULL;
	local = local_part(text, at);
	if (local == NULL || at[1] == '\0')
		return NULL;
	domain = lp_domain_to_ascii(at + 1);
	if (domain == NULL)
		return NULL;
	local = lp_text_fold(local);
	if (strcmp(domain, "gmail.com") == 0 || strcmp(domain, "googlemail.com") == 0)
	{
		domain = "gmail.com";
		gmail_local(local);
	}
	text = psprintf("%s@%s", local, domain);
	return strlen(text) > MAX_BYTES ? NULL : text;
}

/* The local part of a match-email without its tag. */
static char *
local_of(const char *match)
{
	const char *at = strrchr(match, '@');
	size_t		len = at == NULL ? strlen(match) : at - match;
	const char *tag = *match == '"' ? NULL : memchr(match, '+', len);

	if (tag != NULL && tag != match)
		len = tag - match;
	return pnstrdup(match, len);
}

char *
lp_email_ban(const char *match)
{
	const char *at = strrchr(match, '@');

	return at == NULL ? pstrdup(match) : psprintf("%s%s", local_of(match), at);
}

const char *
lp_email_domain(const char *match)
{
	const char *at = strrchr(match, '@');

	return at == NULL ? "" : at + 1;
}

bool
lp_email_is_role(const char *match)
{
	return lp_text_in(local_of(match), role_words, lengthof(role_words));
}

bool
lp_email_is_locked(const char *address)
{
	static const char locked[] = "email_not_unlocked";
	int			blank;

	while ((blank = lp_text_blank(address)) > 0)
		address += blank;
	if (pg_strncasecmp(address, "mailto:", 7) == 0)
		address += 7;
	return pg_strncasecmp(address, locked, strlen(locked)) == 0 &&
		(address[strlen(locked)] == '@' || address[strlen(locked)] == '+');
}

/* noreply, no-reply-7, donotreply.de: nobody reads it. */
static bool
is_no_reply(const char *local)
{
	for (int i = 0; i < lengthof(no_reply_words); i++)
	{
		size_t		len = strlen(no_reply_words[i]);

		if (strncmp(local, no_reply_words[i], len) == 0 &&
			strspn(local + len, "abcdefghijklmnopqrstuvwxyz") == 0)
			return true;
	}
	return false;
}

bool
lp_email_is_blocked(const char *match)
{
	const char *domain = lp_email_domain(match);
	char	   *local = local_of(match);
	size_t		label = strcspn(domain, ".");

	if (is_no_reply(local))
		return true;
	if (strlen(local) == label && strncmp(local, domain, label) == 0 &&
		lp_text_in(local, blocked_words, lengthof(blocked_words)))
		return true;
	return lp_text_in(match, blocked_addresses, lengthof(blocked_addresses));
}
