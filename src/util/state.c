/*
 * state.c
 *	  States and provinces by name or abbreviation.
 */
#include "postgres.h"

#include "util/country.h"
#include "util/text.h"

/* Abbreviations and spellings of states whose rows bear the English name. */
static const struct
{
	const char *country;
	const char *given;
	const char *name;
}			state_names[] = {
	{"US", "al", "alabama"}, {"US", "ak", "alaska"}, {"US", "az", "arizona"},
	{"US", "ar", "arkansas"}, {"US", "ca", "california"},
	{"US", "co", "colorado"}, {"US", "ct", "connecticut"},
	{"US", "de", "delaware"}, {"US", "dc", "district of columbia"},
	{"US", "d.c.", "district of columbia"},
	{"US", "washington dc", "district of columbia"},
	{"US", "washington d.c.", "district of columbia"},
	{"US", "washington, d.c.", "district of columbia"},
	{"US", "fl", "florida"}, {"US", "ga", "georgia"}, {"US", "hi", "hawaii"},
	{"US", "id", "idaho"}, {"US", "il", "illinois"}, {"US", "in", "indiana"},
	{"US", "ia", "iowa"}, {"US", "ks", "kansas"}, {"US", "ky", "kentucky"},
	{"US", "la", "louisiana"}, {"US", "me", "maine"},
	{"US", "md", "maryland"}, {"US", "ma", "massachusetts"},
	{"US", "mi", "michigan"}, {"US", "mn", "minnesota"},
	{"US", "ms", "mississippi"}, {"US", "mo", "missouri"},
	{"US", "mt", "montana"}, {"US", "ne", "nebraska"}, {"US", "nv", "nevada"},
	{"US", "nh", "new hampshire"}, {"US", "nj", "new jersey"},
	{"US", "nm", "new mexico"}, {"US", "ny", "new york"},
	{"US", "nc", "north carolina"}, {"US", "nd", "north dakota"},
	{"US", "oh", "ohio"}, {"US", "ok", "oklahoma"}, {"US", "or", "oregon"},
	{"US", "pa", "pennsylvania"}, {"US", "ri", "rhode island"},
	{"US", "sc", "south carolina"}, {"US", "sd", "south dakota"},
	{"US", "tn", "tennessee"}, {"US", "tx", "texas"}, {"US", "ut", "utah"},
	{"US", "vt", "vermont"}, {"US", "va", "virginia"},
	{"US", "wa", "washington"}, {"US", "washington state", "washington"},
	{"US", "wv", "west virginia"}, {"US", "wi", "wisconsin"},
	{"US", "wy", "wyoming"},
	{"CA", "ab", "alberta"}, {"CA", "bc", "british columbia"},
	{"CA", "mb", "manitoba"}, {"CA", "nb", "new brunswick"},
	{"CA", "nl", "newfoundland and labrador"},
	{"CA", "newfoundland", "newfoundland and labrador"},
	{"CA", "ns", "nova scotia"}, {"CA", "nt", "northwest territories"},
	{"CA", "nu", "nunavut"}, {"CA", "on", "ontario"},
	{"CA", "pe", "prince edward island"}, {"CA", "qc", "quebec"},
	{"CA", "sk", "saskatchewan"},
	{"CA", "yt", "yukon"}, {"CA", "yukon territory", "yukon"},
	{"AU", "act", "australian capital territory"},
	{"AU", "nsw", "new south wales"}, {"AU", "nt", "northern territory"},
	{"AU", "qld", "queensland"}, {"AU", "sa", "south australia"},
	{"AU", "tas", "tasmania"}, {"AU", "vic", "victoria"},
	{"AU", "wa", "western australia"},
};

const char *
lp_state_name(const char *code, const char *given)
{
	const char *state;

	if (given == NULL || strlen(given) > LP_STATE_MAX_BYTES)
		return "";
	state = lp_text_plain(given);
	if (strcmp(code, "BR") == 0 && strncmp(state, "state of ", 9) == 0)
		state += 9;
	for (int i = 0; i < lengthof(state_names); i++)
		if (strcmp(state_names[i].country, code) == 0 &&
			strcmp(state_names[i].given, state) == 0)
			return state_names[i].name;
	return strlen(state) > LP_STATE_MAX_BYTES ? "" : state;
}
