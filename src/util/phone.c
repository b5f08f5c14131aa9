/*
 * phone.c
 *	  Phone numbers in E.164.
 *
 * Two steps.  The plain rule settles what needs no library: numbers of the
 * North American plan (+1, or national ones where the region has that plan)
 * whose area code is in service and whose exchange is well formed, and London's
 * (+44 20).  There every number of that form is a valid one.  All else goes to
 * leadpool_phone (libphonenumber), a module that is loaded at the first number
 * that needs it; plans newer than the library are "possible", never lost.
 *
 * Refused before any of it: letters (they would be dialled as digits), numbers
 * that a spreadsheet turned into 4.9E+11, and text longer than 64 bytes.
 * Digits of other scripts count as digits; an extension is dropped.
 */
#include "postgres.h"

#include "fmgr.h"

#include "phone/shim.h"
#include "util/phone.h"
#include "util/text.h"

#define MAX_BYTES		64
#define MAX_DIGITS		15
#define MIN_DIGITS		7
#define RUN_OF_SAME		7
#define RUN_OF_STEPS	9

typedef int (*ParseFunction) (const char *number, const char *region,
							  LpShimPhone *result);

/* The area codes in service, a country after the other. */
static const struct
{
	char		country[3];
	const char *codes;
}			area_codes[] = {

	{"CA",
		"204226236249250263289306343365367368403416418431437438450468"
		"474506514519548579581584587600604613639647672705709742753778"
	"780782807819825867873902905"},
	{"DO",
	"809829849"},
	{"JM",
	"658"},
	{"PR",
	"787939"},
	{"US",
		"201202203205206207208209210212213214215216217218219220223224"
		"225228229231234239240248251252253254256260262267269270272276"
		"279281283301302303304305307308309310312313314315316317318319"
		"320321323325326330331332334336337339341346347351352360361364"
		"380385386401402404405406407408409410412413414415417419423424"
		"425430432434435440442443445447448458463464469470475478479480"
		"484501502503504505507508509510512513515516517518520530531534"
		"539540541551559561562563564567570571572573574575580582585586"
		"601602603605606607608609610612614615616617618619620623626628"
		"629630631636640641646650651656657659660661662667669678680681"
		"682689701702703704706707708712713714715716717718719720724725"
		"726727731732734737740743747754757760762763765769770771772773"
		"774775779781785786801802803804805806808810812813814815816817"
		"818820826828830831832838839840843845847848850854856857858859"
		"860862863864865870872878901903904906907908909910912913914915"
		"916917918919920925928929930931934936937938940941943945947948"
	"949951952954956959970971972973978979980984985986989"},
};

/* The value of a digit of any common script at text, or -1; *len its bytes. */
static int
digit_at(const char *text, int *len)
{
	const unsigned char *s = (const unsigned char *) text;

	*len = 1;
	if (*s >= '0' && *s <= '9')
		return *s - '0';
	*len = 3;
	if (s[0] == 0xEF && s[1] == 0xBC && s[2] >= 0x90 && s[2] <= 0x99)
		return s[2] - 0x90;		/* full-width */
	if (s[0] == 0xE0 && s[1] == 0xA5 && s[2] >= 0xA6 && s[2] <= 0xAF)
		return s[2] - 0xA6;		/* Devanagari */
	*len = 2;
	if (s[0] == 0xD9 && s[1] >= 0xA0 && s[1] <= 0xA9)
		return s[1] - 0xA0;		/* Arabic */
	if (s[0] == 0xDB && s[1] >= 0xB0 && s[1] <= 0xB9)
		return s[1] - 0xB0;		/* Persian */
	return -1;
}

/* What the punctuation at text stands for in ASCII, or 0; *len its bytes. */
static char
punctuation_at(const char *text, int *len)
{
	const unsigned char *s = (const unsigned char *) text;

	*len = lp_text_blank(text);
	if (*len > 0)
		return ' ';
	*len = 1;
	if (*s != '\0' && strchr("+-.()/", *s) != NULL)
		return *s;
	*len = 3;
	if (s[0] == 0xE2 && s[1] == 0x80 && s[2] >= 0x90 && s[2] <= 0x95)
		return '-';
	if (s[0] == 0xE2 && s[1] == 0x88 && s[2] == 0x92)
		return '-';				/* minus sign */
	if (s[0] == 0xEF && s[1] == 0xBC)
		switch (s[2])
		{
			case 0x8B:
				return '+';
			case 0x88:
				return '(';
			case 0x89:
				return ')';
			case 0x8D:
				return '-';
			case 0x8E:
				return '.';
			case 0x8F:
				return '/';
			default:
				return 0;
		}
	return 0;
}

/* Whether an extension begins here: "ext. 12", "x12", ";ext=12", "#12". */
static bool
extension_at(const char *text)
{
	static const char *const words[] = {
		";ext=", "extension", "extn", "ext", "durchwahl", "poste", "x", "#",
		",", ";",
	};

	for (int i = 0; i < lengthof(words); i++)
	{
		size_t		len = strlen(words[i]);

		if (pg_strncasecmp(text, words[i], len) != 0)
			continue;
		text += len;
		text += strspn(text, " .:=,#");
		len = strspn(text, "0123456789");
		return len <= 8 && text[len + strspn(text + len, " #)")] == '\0';
	}
	return false;
}

/*
 * The number in ASCII digits and punctuation, without "tel:", the apostrophe
 * of a spreadsheet, and the extension.  False if it holds anything else.
 */
static bool
clean(const char *text, char *out, size_t size)
{
	size_t		used = 0;
	int			digits = 0;
	bool		plus = false;

	if (pg_strncasecmp(text, "tel:", 4) == 0)
		text += 4;
	if (*text == '\'')
		text++;
	while (*text != '\0')
	{
		int			len;
		int			digit = digit_at(text, &len);
		char		c;

		if (digit >= 0)
		{
			c = '0' + digit;
			digits++;
		}
		else if (digits >= 4 && extension_at(text))
			break;
		else if ((c = punctuation_at(text, &len)) == 0)
			return false;
		if (c == '+' && (plus || digits > 0))
			return false;
		plus |= c == '+';
		if (used + 1 >= size)
			return false;
		out[used++] = c;
		text += len;
	}
	out[used] = '\0';
	return digits > 0 && digits <= MAX_DIGITS + 5;
}

/* "491701234567.0" is what a table of floating point numbers makes of one. */
static void
cut_fraction(char *number)
{
	size_t		len = strspn(number + (*number == '+'), "0123456789") + (*number == '+');

	if (strcmp(number + len, ".0") == 0)
		number[len] = '\0';
}

static void
settle(LpPhone *result, LpPhoneStatus status, const char *prefix,
	   const char *digits, const char *country)
{
	result->status = status;
	snprintf(result->e164, sizeof(result->e164), "%s%s", prefix, digits);
	strlcpy(result->country_code, country, sizeof(result->country_code));
}

/* The country of an area code of the North American plan, or NULL. */
static const char *
area_country(const char *digits)
{
	for (int i = 0; i < lengthof(area_codes); i++)
		for (const char *code = area_codes[i].codes; *code != '\0'; code += 3)
			if (memcmp(code, digits, 3) == 0)
				return area_codes[i].country;
	return NULL;
}

/* The plain rule: see the head of this file. */
static bool
plain_rule(const char *number, const char *region, LpPhone *result)
{
	char		digits[MAX_BYTES + 1];
	size_t		n = 0;
	bool		international = false;
	const char *country;

	for (; *number != '\0'; number++)
	{
		if (*number >= '0' && *number <= '9')
			digits[n++] = *number;
		else if (*number == '+')
			international = true;
	}
	digits[n] = '\0';
	if (international && n == 12 && memcmp(digits, "4420", 4) == 0 &&
		strchr("378", digits[4]) != NULL)
	{
		settle(result, LP_PHONE_VALID, "+", digits, "GB");
		return true;
	}
	if (!international)
	{
		if (region == NULL || (strcmp(region, "US") != 0 && strcmp(region, "CA") != 0))
			return false;
		if (n == 10)
		{
			memmove(digits + 1, digits, n + 1);
			digits[0] = '1';
			n++;
		}
	}
	if (n != 11 || digits[0] != '1' || digits[4] < '2' ||
		memcmp(digits + 5, "11", 2) == 0)
		return false;
	country = area_country(digits + 1);
	if (country == NULL)
		return false;
	settle(result, LP_PHONE_VALID, "+", digits, country);
	return true;
}

/* The library's parser; its module is loaded at the first call. */
static ParseFunction
library(void)
{
	static ParseFunction parse = NULL;

	if (parse == NULL)
	{
		MemoryContext context = CurrentMemoryContext;

		PG_TRY();
		{
			parse = (ParseFunction) load_external_function("$libdir/leadpool_phone",
														   "lp_phone_shim_parse",
														   true, NULL);
		}
		PG_CATCH();
		{
			ErrorData  *error;

			MemoryContextSwitchTo(context);
			error = CopyErrorData();
			FlushErrorState();
			ereport(ERROR,
					errcode(ERRCODE_UNDEFINED_FILE),
					errmsg("could not load module \"leadpool_phone\", which reads phone numbers"),
					errdetail_internal("%s", error->message),
					errhint("Install the extension's files again, and the library libphonenumber."));
		}
		PG_END_TRY();
	}
	return parse;
}

/* Asks the library; true unless the number is invalid. */
static bool
ask(const char *number, const char *region, LpPhone *result)
{
	LpShimPhone found;
	int			status = library() (number, region == NULL ? "ZZ" : region, &found);

	if (status == LP_SHIM_FAILED)
		elog(ERROR, "phone library failed");
	if (status == LP_SHIM_INVALID || strlen(found.e164) < MIN_DIGITS + 1 ||
		strlen(found.e164) > MAX_DIGITS + 1)
		return false;
	settle(result,
		   status == LP_SHIM_VALID ? LP_PHONE_VALID : LP_PHONE_POSSIBLE,
		   "", found.e164, found.region);
	return true;
}

bool
lp_phone_parse(const char *text, const char *region, LpPhone *result)
{
	char		number[MAX_BYTES + 2];
	char		country[3] = "";
	char	   *start;

	memset(result, 0, sizeof(*result));
	if (strlen(text) > MAX_BYTES)
		return false;
	if (!clean(lp_text_trim(text), number + 1, MAX_BYTES + 1))
		return false;
	start = number + 1 + strspn(number + 1, " ");
	cut_fraction(start);
	if (region != NULL && strlen(region) == 2)
	{
		country[0] = pg_ascii_toupper((unsigned char) region[0]);
		country[1] = pg_ascii_toupper((unsigned char) region[1]);
	}
	region = country[0] == '\0' ? NULL : country;
	if (plain_rule(start, region, result))
		return true;
	if (strchr(start, '+') != NULL)
		return ask(start, NULL, result);
	if (region != NULL && ask(start, region, result))
		return true;
	/* 00 is how most of the world dials "+". */
	if (strncmp(start, "00", 2) != 0)
		return false;
	start[1] = '+';
	if (plain_rule(start + 1, NULL, result))
		return true;
	return ask(start + 1, NULL, result);
}

const char *
lp_phone_status_name(LpPhoneStatus status)
{
	switch (status)
	{
		case LP_PHONE_VALID:
			return "valid";
		case LP_PHONE_POSSIBLE:
			return "possible";
		case LP_PHONE_INVALID:
			break;
	}
	return "invalid";
}

bool
lp_phone_is_blocked(const char *e164)
{
	const char *digits = e164 + (*e164 == '+');
	size_t		n = strlen(digits);
	int			same = 1;
	int			up = 1;
	int			down = 1;

	for (size_t i = 1; i < n; i++)
	{
		int			step = (digits[i] - digits[i - 1] + 10) % 10;

		same = step == 0 ? same + 1 : 1;
		up = step == 1 ? up + 1 : 1;
		down = step == 9 ? down + 1 : 1;
		if (up >= RUN_OF_STEPS || down >= RUN_OF_STEPS)
			return true;
	}
	return same >= RUN_OF_SAME;
}

char *
lp_phone_digits(const char *text)
{
	char	   *result = palloc(strlen(text) + 1);
	char	   *out = result;

	while (*text != '\0')
	{
		int			len;
		int			digit = digit_at(text, &len);

		if (digit >= 0)
			*out++ = '0' + digit;
		text += digit >= 0 ? len : 1;
	}
	*out = '\0';
	return result;
}
