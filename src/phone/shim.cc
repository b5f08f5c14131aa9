/*
 * shim.cc
 *	  Calls libphonenumber and answers in codes.
 *
 * No exception passes the end of lp_shim_parse, and the library's own log is
 * silenced: it would write numbers to the server's log.
 */
#include "shim.h"

#include <cstring>
#include <list>
#include <string>

#include <phonenumbers/logger.h>
#include <phonenumbers/phonenumberutil.h>

using i18n::phonenumbers::NullLogger;
using i18n::phonenumbers::PhoneNumber;
using i18n::phonenumbers::PhoneNumberUtil;

/* The one country that has this calling code, or nothing. */
static std::string
only_region(const PhoneNumberUtil *util, int calling_code)
{
	std::list<std::string> regions;

	util->GetRegionCodesForCountryCallingCode(calling_code, &regions);
	return regions.size() == 1 ? regions.front() : std::string();
}

static int
parse(const char *text, const char *region, LpShimPhone *result)
{
	static PhoneNumberUtil *util = nullptr;
	PhoneNumber number;
	std::string e164;
	std::string country;
	bool		valid;

	if (util == nullptr)
	{
		util = PhoneNumberUtil::GetInstance();
		util->SetLogger(new NullLogger());
	}
	if (util->Parse(text, region, &number) != PhoneNumberUtil::NO_PARSING_ERROR)
		return LP_SHIM_INVALID;
	valid = util->IsValidNumber(number);
	if (!valid &&
		util->IsPossibleNumberWithReason(number) != PhoneNumberUtil::IS_POSSIBLE)
		return LP_SHIM_INVALID;
	number.clear_extension();
	util->Format(number, PhoneNumberUtil::E164, &e164);
	util->GetRegionCodeForNumber(number, &country);
	if (country.size() != 2 || country == "ZZ")
		country = only_region(util, number.country_code());
	if (e164.size() >= sizeof(result->e164))
		return LP_SHIM_INVALID;
	std::memcpy(result->e164, e164.c_str(), e164.size() + 1);
	if (country.size() == 2)
		std::memcpy(result->region, country.c_str(), 3);
	return valid ? LP_SHIM_VALID : LP_SHIM_POSSIBLE;
}

int
lp_shim_parse(const char *number, const char *region, LpShimPhone *result)
{
	std::memset(result, 0, sizeof(*result));
	try
	{
		return parse(number, region, result);
	}
	catch (...)
	{
		return LP_SHIM_FAILED;
	}
}
