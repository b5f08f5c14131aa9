/*
 * domain.c
 *	  Host names: A-labels, registrable domains, free-mail providers.
 *
 * libidn2 turns other scripts into A-labels; it is asked without its STD3 flag
 * (which deletes characters) and only for text that is not plain ASCII.  The
 * labels are always checked here afterwards: letters, digits, hyphens.
 * Look-alike letters are converted, not judged.
 */
#include "postgres.h"

#include <idn2.h>
#include <libpsl.h>

#include "mb/pg_wchar.h"

#include "util/domain.h"
#include "util/text.h"

#define MAX_TEXT_BYTES	2000
#define MAX_HOST_BYTES	253
#define MAX_LABEL_BYTES 63

/* Sorted; providers where anybody gets an address. */
static const char *const free_mail[] = {
	"126.com", "139.com", "163.com", "189.cn", "abv.bg", "aim.com",
	"alice.it", "aol.co.uk", "aol.com", "aol.de", "aol.fr", "arcor.de",
	"att.net", "bell.net", "bellsouth.net", "bigpond.com", "bigpond.net.au",
	"bluewin.ch", "bol.com.br", "btinternet.com", "centrum.cz",
	"charter.net", "comcast.net", "cox.net", "daum.net", "duck.com",
	"earthlink.net", "email.cz", "email.de", "fastmail.com", "fastmail.fm",
	"foxmail.com", "free.fr", "freemail.hu", "freenet.de", "frontier.com",
	"gmail.com", "gmx.at", "gmx.ch", "gmx.com", "gmx.de", "gmx.net",
	"googlemail.com", "hanmail.net", "hey.com", "hotmail.ca",
	"hotmail.co.uk", "hotmail.com", "hotmail.com.au", "hotmail.com.br",
	"hotmail.de", "hotmail.es", "hotmail.fr", "hotmail.it", "hotmail.nl",
	"hush.com", "hushmail.com", "icloud.com", "ig.com.br", "inbox.lv",
	"inbox.ru", "interia.pl", "juno.com", "laposte.net", "libero.it",
	"list.ru", "live.ca", "live.co.uk", "live.com", "live.com.au",
	"live.de", "live.fr", "live.it", "live.nl", "mac.com", "mail.com",
	"mail.de", "mail.ru", "mailbox.org", "me.com", "msn.com", "mweb.co.za",
	"naver.com", "net.hr", "netscape.net", "ntlworld.com", "o2.pl",
	"onet.pl", "online.de", "online.no", "optonline.net",
	"optusnet.com.au", "orange.fr", "outlook.at", "outlook.co.uk",
	"outlook.com", "outlook.com.au", "outlook.com.br", "outlook.de",
	"outlook.es", "outlook.fr", "outlook.ie", "outlook.it", "pm.me",
	"posteo.de", "proton.me", "protonmail.ch", "protonmail.com", "qq.com",
	"rediffmail.com", "rocketmail.com", "rogers.com", "sapo.pt",
	"sbcglobal.net", "seznam.cz", "sfr.fr", "shaw.ca", "sina.cn",
	"sina.com", "sky.com", "sohu.com", "sympatico.ca", "t-online.de",
	"talktalk.net", "telefonica.net", "telenet.be", "telus.net",
	"terra.com.br", "tiscali.it", "tuta.com", "tuta.io", "tutanota.com",
	"ukr.net", "uol.com.br", "verizon.net", "videotron.ca", "virgilio.it",
	"virginmedia.com", "wanadoo.fr", "web.de", "windowslive.com", "wp.pl",
	"xs4all.nl", "xtra.co.nz", "yahoo.ca", "yahoo.co.id", "yahoo.co.in",
	"yahoo.co.jp", "yahoo.co.uk", "yahoo.com", "yahoo.com.ar",
	"yahoo.com.au", "yahoo.com.br", "yahoo.com.mx", "yahoo.com.sg",
	"yahoo.de", "yahoo.es", "yahoo.fr", "yahoo.ie", "yahoo.in",
	"yahoo.it", "yandex.com", "yandex.ru", "yeah.net", "ymail.com",
	"zoho.com", "zohomail.com",
};

/* Letters, digits and hyphens in at least two labels, the last no number. */
static bool
is_host(const char *host)
{
	size_t		len = strlen(host);
	const char *label = host;
	int			labels = 0;
	bool		number = true;

	if (len == 0 || len > MAX_HOST_BYTES)
		return false;
	for (const char *p = host;; p++)
	{
		if (*p == '.' || *p == '\0')
		{
			if (p == label || p - label > MAX_LABEL_BYTES ||
				*label == '-' || p[-1] == '-')
				return false;
			labels++;
			if (*p == '\0')
				return labels > 1 && !number;
			label = p + 1;
			number = true;
		}
		else if ((*p >= 'a' && *p <= 'z') || *p == '-')
			number = false;
		else if (*p < '0' || *p > '9')
			return false;
	}
}

char *
lp_domain_to_ascii(const char *host)
{
	char	   *result;
	size_t		len;

	if (strlen(host) > MAX_TEXT_BYTES)
		return NULL;
	if (lp_text_is_ascii(host))
		result = lp_text_fold(host);
	else
	{
		char	   *ascii = NULL;

		if (idn2_to_ascii_8z(host, &ascii,
							 IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL) != IDN2_OK)
			return NULL;
		/* Bounded: labels and host have DNS limits, which libidn2 keeps. */
		result = lp_text_fold(ascii);
		idn2_free(ascii);
	}
	len = strlen(result);
	if (len > 0 && result[len - 1] == '.')
		result[len - 1] = '\0';
	return is_host(result) ? result : NULL;
}

/* Cuts scheme, user, port and path off, in place. */
static char *
bare_host(char *text)
{
	char	   *mark;

	if ((mark = strstr(text, "://")) != NULL && strcspn(text, "/?#") > mark - text)
		text = mark + 3;
	else if (strncmp(text, "//", 2) == 0)
		text += 2;
	else if (pg_strncasecmp(text, "mailto:", 7) == 0)
		text += 7;
	text[strcspn(text, "/\\?#")] = '\0';
	if ((mark = strrchr(text, '@')) != NULL)
		text = mark + 1;
	if ((mark = strchr(text, ':')) != NULL &&
		strspn(mark + 1, "0123456789") == strlen(mark + 1))
		*mark = '\0';
	return text;
}

char *
lp_domain_normalize(const char *text)
{
	char	   *host;

	if (strlen(text) > MAX_TEXT_BYTES)
		return NULL;
	host = lp_domain_to_ascii(bare_host(lp_text_trim(text)));
	if (host != NULL && strncmp(host, "www.", 4) == 0 && is_host(host + 4))
		return pstrdup(host + 4);
	return host;
}

char *
lp_domain_registrable(const char *host)
{
	const char *found;

	if (strlen(host) > MAX_HOST_BYTES)
		return NULL;
	found = psl_registrable_domain(psl_builtin(), host);
	return found == NULL ? NULL : pstrdup(found);
}

bool
lp_domain_is_free_mail(const char *domain)
{
	return lp_text_in(domain, free_mail, lengthof(free_mail));
}

bool
lp_domain_covers(const char *domain, const char *host)
{
	size_t		domain_len = strlen(domain);
	size_t		host_len = strlen(host);

	if (domain_len == 0 || host_len < domain_len ||
		strcmp(host + host_len - domain_len, domain) != 0)
		return false;
	return host_len == domain_len || host[host_len - domain_len - 1] == '.';
}
