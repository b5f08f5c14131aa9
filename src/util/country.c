/*
 * country.c
 *	  Countries by English name or ISO 3166 code.
 *
 * The list holds ISO's names, the short names of the time zone database,
 * alpha-2 and alpha-3 codes, and spellings in common use, all in the form that
 * canonical() gives a text.  It is sorted by that form.
 */
#include "postgres.h"

#include "common/unicode_norm.h"
#include "mb/pg_wchar.h"

#include "util/country.h"

#define MAX_BYTES 200

typedef struct Country
{
	const char *name;
	char		code[3];
} Country;

static const Country countries[] = {
	{"abw", "AW"}, {"ad", "AD"}, {"ae", "AE"}, {"af", "AF"}, {"afg", "AF"},
	{"afghanistan", "AF"}, {"ag", "AG"}, {"ago", "AO"}, {"ai", "AI"},
	{"aia", "AI"}, {"al", "AL"}, {"ala", "AX"}, {"aland islands", "AX"},
	{"alb", "AL"}, {"albania", "AL"}, {"algeria", "DZ"}, {"am", "AM"},
	{"america", "US"}, {"american samoa", "AS"}, {"and", "AD"},
	{"andorra", "AD"}, {"angola", "AO"}, {"anguilla", "AI"},
	{"antarctica", "AQ"}, {"antigua", "AG"}, {"antigua and barbuda", "AG"},
	{"ao", "AO"}, {"aotearoa", "NZ"}, {"aq", "AQ"}, {"ar", "AR"},
	{"arab republic of egypt", "EG"}, {"are", "AE"}, {"arg", "AR"},
	{"argentina", "AR"}, {"argentine republic", "AR"}, {"arm", "AM"},
	{"armenia", "AM"}, {"aruba", "AW"}, {"as", "AS"}, {"asm", "AS"},
	{"at", "AT"}, {"ata", "AQ"}, {"atf", "TF"}, {"atg", "AG"}, {"au", "AU"},
	{"aus", "AU"}, {"australia", "AU"}, {"austria", "AT"}, {"aut", "AT"},
	{"aw", "AW"}, {"ax", "AX"}, {"az", "AZ"}, {"aze", "AZ"},
	{"azerbaijan", "AZ"}, {"ba", "BA"}, {"bahamas", "BS"}, {"bahrain", "BH"},
	{"bangladesh", "BD"}, {"barbados", "BB"}, {"bb", "BB"}, {"bd", "BD"},
	{"bdi", "BI"}, {"be", "BE"}, {"bel", "BE"}, {"belarus", "BY"},
	{"belgie", "BE"}, {"belgique", "BE"}, {"belgium", "BE"}, {"belize", "BZ"},
	{"ben", "BJ"}, {"benin", "BJ"}, {"bermuda", "BM"}, {"bes", "BQ"},
	{"bf", "BF"}, {"bfa", "BF"}, {"bg", "BG"}, {"bgd", "BD"}, {"bgr", "BG"},
	{"bh", "BH"}, {"bhr", "BH"}, {"bhs", "BS"}, {"bhutan", "BT"}, {"bi", "BI"},
	{"bih", "BA"}, {"bj", "BJ"}, {"bl", "BL"}, {"blm", "BL"}, {"blr", "BY"},
	{"blz", "BZ"}, {"bm", "BM"}, {"bmu", "BM"}, {"bn", "BN"}, {"bo", "BO"},
	{"bol", "BO"}, {"bolivarian republic of venezuela", "VE"},
	{"bolivia", "BO"}, {"bolivia plurinational state of", "BO"},
	{"bonaire", "BQ"}, {"bonaire sint eustatius and saba", "BQ"},
	{"bosnia", "BA"}, {"bosnia and herzegovina", "BA"},
	{"bosnia herzegovina", "BA"}, {"botswana", "BW"}, {"bouvet island", "BV"},
	{"bq", "BQ"}, {"br", "BR"}, {"bra", "BR"}, {"brasil", "BR"},
	{"brazil", "BR"}, {"brb", "BB"}, {"britain", "GB"}, {"britain uk", "GB"},
	{"british indian ocean territory", "IO"}, {"british virgin islands", "VG"},
	{"brn", "BN"}, {"brunei", "BN"}, {"brunei darussalam", "BN"}, {"bs", "BS"},
	{"bt", "BT"}, {"btn", "BT"}, {"bulgaria", "BG"}, {"burkina faso", "BF"},
	{"burma", "MM"}, {"burundi", "BI"}, {"bv", "BV"}, {"bvt", "BV"},
	{"bw", "BW"}, {"bwa", "BW"}, {"by", "BY"}, {"bz", "BZ"}, {"ca", "CA"},
	{"cabo verde", "CV"}, {"caf", "CF"}, {"cambodia", "KH"},
	{"cameroon", "CM"}, {"can", "CA"}, {"canada", "CA"}, {"cape verde", "CV"},
	{"caribbean netherlands", "BQ"}, {"caribbean nl", "BQ"},
	{"cayman islands", "KY"}, {"cc", "CC"}, {"cck", "CC"}, {"cd", "CD"},
	{"central african rep", "CF"}, {"central african republic", "CF"},
	{"cf", "CF"}, {"cg", "CG"}, {"ch", "CH"}, {"chad", "TD"}, {"che", "CH"},
	{"chile", "CL"}, {"china", "CN"}, {"chl", "CL"}, {"chn", "CN"},
	{"christmas island", "CX"}, {"ci", "CI"}, {"civ", "CI"}, {"ck", "CK"},
	{"cl", "CL"}, {"cm", "CM"}, {"cmr", "CM"}, {"cn", "CN"}, {"co", "CO"},
	{"cocos keeling islands", "CC"}, {"cod", "CD"}, {"cog", "CG"},
	{"cok", "CK"}, {"col", "CO"}, {"colombia", "CO"}, {"com", "KM"},
	{"commonwealth of dominica", "DM"}, {"commonwealth of the bahamas", "BS"},
	{"commonwealth of the northern mariana islands", "MP"}, {"comoros", "KM"},
	{"congo", "CG"}, {"congo brazzaville", "CG"}, {"congo dem rep", "CD"},
	{"congo democratic republic", "CD"}, {"congo kinshasa", "CD"},
	{"congo rep", "CG"}, {"congo the democratic republic of the", "CD"},
	{"cook islands", "CK"}, {"costa rica", "CR"}, {"cote divoire", "CI"},
	{"cpv", "CV"}, {"cr", "CR"}, {"cri", "CR"}, {"croatia", "HR"},
	{"cu", "CU"}, {"cub", "CU"}, {"cuba", "CU"}, {"curacao", "CW"},
	{"cuw", "CW"}, {"cv", "CV"}, {"cw", "CW"}, {"cx", "CX"}, {"cxr", "CX"},
	{"cy", "CY"}, {"cym", "KY"}, {"cyp", "CY"}, {"cyprus", "CY"}, {"cz", "CZ"},
	{"cze", "CZ"}, {"czech republic", "CZ"}, {"czechia", "CZ"},
	{"danmark", "DK"}, {"de", "DE"},
	{"democratic peoples republic of korea", "KP"},
	{"democratic republic of congo", "CD"},
	{"democratic republic of sao tome and principe", "ST"},
	{"democratic republic of the congo", "CD"},
	{"democratic republic of timor leste", "TL"},
	{"democratic socialist republic of sri lanka", "LK"}, {"denmark", "DK"},
	{"deu", "DE"}, {"deutschland", "DE"}, {"dj", "DJ"}, {"dji", "DJ"},
	{"djibouti", "DJ"}, {"dk", "DK"}, {"dm", "DM"}, {"dma", "DM"},
	{"dnk", "DK"}, {"do", "DO"}, {"dom", "DO"}, {"dominica", "DM"},
	{"dominican republic", "DO"}, {"dprk", "KP"}, {"dr congo", "CD"},
	{"drc", "CD"}, {"dz", "DZ"}, {"dza", "DZ"}, {"east timor", "TL"},
	{"eastern republic of uruguay", "UY"}, {"ec", "EC"}, {"ecu", "EC"},
	{"ecuador", "EC"}, {"ee", "EE"}, {"eg", "EG"}, {"egy", "EG"},
	{"egypt", "EG"}, {"eh", "EH"}, {"eire", "IE"}, {"el salvador", "SV"},
	{"emirates", "AE"}, {"england", "GB"}, {"equatorial guinea", "GQ"},
	{"er", "ER"}, {"eri", "ER"}, {"eritrea", "ER"}, {"es", "ES"},
	{"esh", "EH"}, {"esp", "ES"}, {"espana", "ES"}, {"est", "EE"},
	{"estados unidos", "US"}, {"estonia", "EE"}, {"eswatini", "SZ"},
	{"eswatini swaziland", "SZ"}, {"et", "ET"}, {"etats unis", "US"},
	{"eth", "ET"}, {"ethiopia", "ET"}, {"falkland islands", "FK"},
	{"falkland islands malvinas", "FK"}, {"faroe islands", "FO"},
	{"federal democratic republic of ethiopia", "ET"},
	{"federal democratic republic of nepal", "NP"},
	{"federal republic of germany", "DE"},
	{"federal republic of nigeria", "NG"},
	{"federal republic of somalia", "SO"},
	{"federated states of micronesia", "FM"},
	{"federative republic of brazil", "BR"}, {"fi", "FI"}, {"fiji", "FJ"},
	{"fin", "FI"}, {"finland", "FI"}, {"fj", "FJ"}, {"fji", "FJ"},
	{"fk", "FK"}, {"flk", "FK"}, {"fm", "FM"}, {"fo", "FO"}, {"fr", "FR"},
	{"fra", "FR"}, {"france", "FR"}, {"french guiana", "GF"},
	{"french polynesia", "PF"}, {"french republic", "FR"},
	{"french s terr", "TF"}, {"french southern territories", "TF"},
	{"fro", "FO"}, {"fsm", "FM"}, {"fyrom", "MK"}, {"ga", "GA"}, {"gab", "GA"},
	{"gabon", "GA"}, {"gabonese republic", "GA"}, {"gambia", "GM"},
	{"gb", "GB"}, {"gbr", "GB"}, {"gd", "GD"}, {"ge", "GE"}, {"geo", "GE"},
	{"georgia", "GE"}, {"germany", "DE"}, {"gf", "GF"}, {"gg", "GG"},
	{"ggy", "GG"}, {"gh", "GH"}, {"gha", "GH"}, {"ghana", "GH"}, {"gi", "GI"},
	{"gib", "GI"}, {"gibraltar", "GI"}, {"gin", "GN"}, {"gl", "GL"},
	{"glp", "GP"}, {"gm", "GM"}, {"gmb", "GM"}, {"gn", "GN"}, {"gnb", "GW"},
	{"gnq", "GQ"}, {"gp", "GP"}, {"gq", "GQ"}, {"gr", "GR"},
	{"grand duchy of luxembourg", "LU"}, {"grc", "GR"}, {"grd", "GD"},
	{"great britain", "GB"}, {"greece", "GR"}, {"greenland", "GL"},
	{"grenada", "GD"}, {"grl", "GL"}, {"gs", "GS"}, {"gt", "GT"},
	{"gtm", "GT"}, {"gu", "GU"}, {"guadeloupe", "GP"}, {"guam", "GU"},
	{"guatemala", "GT"}, {"guernsey", "GG"}, {"guf", "GF"}, {"guinea", "GN"},
	{"guinea bissau", "GW"}, {"gum", "GU"}, {"guy", "GY"}, {"guyana", "GY"},
	{"gw", "GW"}, {"gy", "GY"}, {"haiti", "HT"},
	{"hashemite kingdom of jordan", "JO"},
	{"heard island and mcdonald islands", "HM"}, {"hellenic republic", "GR"},
	{"hk", "HK"}, {"hkg", "HK"}, {"hm", "HM"}, {"hmd", "HM"}, {"hn", "HN"},
	{"hnd", "HN"}, {"holland", "NL"}, {"holy see", "VA"},
	{"holy see vatican city state", "VA"}, {"honduras", "HN"},
	{"hong kong", "HK"}, {"hong kong sar", "HK"},
	{"hong kong sar china", "HK"},
	{"hong kong special administrative region of china", "HK"}, {"hr", "HR"},
	{"hrv", "HR"}, {"ht", "HT"}, {"hti", "HT"}, {"hu", "HU"}, {"hun", "HU"},
	{"hungary", "HU"}, {"iceland", "IS"}, {"id", "ID"}, {"idn", "ID"},
	{"ie", "IE"}, {"il", "IL"}, {"im", "IM"}, {"imn", "IM"}, {"in", "IN"},
	{"ind", "IN"}, {"independent state of papua new guinea", "PG"},
	{"independent state of samoa", "WS"}, {"india", "IN"}, {"indonesia", "ID"},
	{"io", "IO"}, {"iot", "IO"}, {"iq", "IQ"}, {"ir", "IR"}, {"iran", "IR"},
	{"iran islamic republic of", "IR"}, {"iraq", "IQ"}, {"ireland", "IE"},
	{"irl", "IE"}, {"irn", "IR"}, {"irq", "IQ"}, {"is", "IS"}, {"isl", "IS"},
	{"islamic republic of afghanistan", "AF"},
	{"islamic republic of iran", "IR"},
	{"islamic republic of mauritania", "MR"},
	{"islamic republic of pakistan", "PK"}, {"isle of man", "IM"},
	{"isr", "IL"}, {"israel", "IL"}, {"it", "IT"}, {"ita", "IT"},
	{"italia", "IT"}, {"italian republic", "IT"}, {"italy", "IT"},
	{"ivory coast", "CI"}, {"jam", "JM"}, {"jamaica", "JM"}, {"japan", "JP"},
	{"je", "JE"}, {"jersey", "JE"}, {"jey", "JE"}, {"jm", "JM"}, {"jo", "JO"},
	{"jor", "JO"}, {"jordan", "JO"}, {"jp", "JP"}, {"jpn", "JP"},
	{"kaz", "KZ"}, {"kazakhstan", "KZ"}, {"ke", "KE"}, {"ken", "KE"},
	{"kenya", "KE"}, {"kg", "KG"}, {"kgz", "KG"}, {"kh", "KH"}, {"khm", "KH"},
	{"ki", "KI"}, {"kingdom of bahrain", "BH"}, {"kingdom of belgium", "BE"},
	{"kingdom of bhutan", "BT"}, {"kingdom of cambodia", "KH"},
	{"kingdom of denmark", "DK"}, {"kingdom of eswatini", "SZ"},
	{"kingdom of lesotho", "LS"}, {"kingdom of morocco", "MA"},
	{"kingdom of norway", "NO"}, {"kingdom of saudi arabia", "SA"},
	{"kingdom of spain", "ES"}, {"kingdom of sweden", "SE"},
	{"kingdom of thailand", "TH"}, {"kingdom of the netherlands", "NL"},
	{"kingdom of tonga", "TO"}, {"kir", "KI"}, {"kiribati", "KI"},
	{"km", "KM"}, {"kn", "KN"}, {"kna", "KN"}, {"kor", "KR"}, {"korea", "KR"},
	{"korea democratic peoples republic of", "KP"}, {"korea north", "KP"},
	{"korea republic of", "KR"}, {"korea south", "KR"}, {"kosovo", "XK"},
	{"kp", "KP"}, {"kr", "KR"}, {"ksa", "SA"}, {"kuwait", "KW"}, {"kw", "KW"},
	{"kwt", "KW"}, {"ky", "KY"}, {"kyrgyz republic", "KG"},
	{"kyrgyzstan", "KG"}, {"kz", "KZ"}, {"la", "LA"}, {"lao", "LA"},
	{"lao pdr", "LA"}, {"lao peoples democratic republic", "LA"},
	{"laos", "LA"}, {"latvia", "LV"}, {"lb", "LB"}, {"lbn", "LB"},
	{"lbr", "LR"}, {"lby", "LY"}, {"lc", "LC"}, {"lca", "LC"},
	{"lebanese republic", "LB"}, {"lebanon", "LB"}, {"lesotho", "LS"},
	{"li", "LI"}, {"liberia", "LR"}, {"libya", "LY"}, {"lie", "LI"},
	{"liechtenstein", "LI"}, {"lithuania", "LT"}, {"lk", "LK"}, {"lka", "LK"},
	{"lr", "LR"}, {"ls", "LS"}, {"lso", "LS"}, {"lt", "LT"}, {"ltu", "LT"},
	{"lu", "LU"}, {"lux", "LU"}, {"luxembourg", "LU"}, {"lv", "LV"},
	{"lva", "LV"}, {"ly", "LY"}, {"ma", "MA"}, {"mac", "MO"}, {"macao", "MO"},
	{"macao sar", "MO"},
	{"macao special administrative region of china", "MO"}, {"macau", "MO"},
	{"macedonia", "MK"}, {"macedonia fyrom", "MK"}, {"madagascar", "MG"},
	{"maf", "MF"}, {"mainland china", "CN"}, {"malawi", "MW"},
	{"malaysia", "MY"}, {"maldives", "MV"}, {"mali", "ML"}, {"malta", "MT"},
	{"mar", "MA"}, {"marshall islands", "MH"}, {"martinique", "MQ"},
	{"mauritania", "MR"}, {"mauritius", "MU"}, {"mayotte", "YT"}, {"mc", "MC"},
	{"mco", "MC"}, {"md", "MD"}, {"mda", "MD"}, {"mdg", "MG"}, {"mdv", "MV"},
	{"me", "ME"}, {"mex", "MX"}, {"mexico", "MX"}, {"mf", "MF"}, {"mg", "MG"},
	{"mh", "MH"}, {"mhl", "MH"}, {"micronesia", "FM"},
	{"micronesia federated states of", "FM"}, {"mk", "MK"}, {"mkd", "MK"},
	{"ml", "ML"}, {"mli", "ML"}, {"mlt", "MT"}, {"mm", "MM"}, {"mmr", "MM"},
	{"mn", "MN"}, {"mne", "ME"}, {"mng", "MN"}, {"mnp", "MP"}, {"mo", "MO"},
	{"moldova", "MD"}, {"moldova republic of", "MD"}, {"monaco", "MC"},
	{"mongolia", "MN"}, {"montenegro", "ME"}, {"montserrat", "MS"},
	{"morocco", "MA"}, {"moz", "MZ"}, {"mozambique", "MZ"}, {"mp", "MP"},
	{"mq", "MQ"}, {"mr", "MR"}, {"mrt", "MR"}, {"ms", "MS"}, {"msr", "MS"},
	{"mt", "MT"}, {"mtq", "MQ"}, {"mu", "MU"}, {"mus", "MU"}, {"mv", "MV"},
	{"mw", "MW"}, {"mwi", "MW"}, {"mx", "MX"}, {"my", "MY"}, {"myanmar", "MM"},
	{"myanmar burma", "MM"}, {"mys", "MY"}, {"myt", "YT"}, {"mz", "MZ"},
	{"na", "NA"}, {"nam", "NA"}, {"namibia", "NA"}, {"nauru", "NR"},
	{"nc", "NC"}, {"ncl", "NC"}, {"ne", "NE"}, {"nederland", "NL"},
	{"nepal", "NP"}, {"ner", "NE"}, {"netherlands", "NL"},
	{"new caledonia", "NC"}, {"new zealand", "NZ"}, {"nf", "NF"},
	{"nfk", "NF"}, {"ng", "NG"}, {"nga", "NG"}, {"ni", "NI"}, {"nic", "NI"},
	{"nicaragua", "NI"}, {"niger", "NE"}, {"nigeria", "NG"}, {"nippon", "JP"},
	{"niu", "NU"}, {"niue", "NU"}, {"nl", "NL"}, {"nld", "NL"}, {"no", "NO"},
	{"nor", "NO"}, {"norfolk island", "NF"}, {"norge", "NO"},
	{"north korea", "KP"}, {"north macedonia", "MK"},
	{"northern ireland", "GB"}, {"northern mariana islands", "MP"},
	{"norway", "NO"}, {"np", "NP"}, {"npl", "NP"}, {"nr", "NR"}, {"nru", "NR"},
	{"nu", "NU"}, {"nz", "NZ"}, {"nzl", "NZ"}, {"om", "OM"}, {"oman", "OM"},
	{"omn", "OM"}, {"osterreich", "AT"}, {"pa", "PA"}, {"pak", "PK"},
	{"pakistan", "PK"}, {"palau", "PW"}, {"palestine", "PS"},
	{"palestine state of", "PS"}, {"palestinian territories", "PS"},
	{"palestinian territory", "PS"}, {"pan", "PA"}, {"panama", "PA"},
	{"papua new guinea", "PG"}, {"paraguay", "PY"}, {"pcn", "PN"},
	{"pe", "PE"}, {"peoples democratic republic of algeria", "DZ"},
	{"peoples republic of bangladesh", "BD"},
	{"peoples republic of china", "CN"}, {"per", "PE"}, {"peru", "PE"},
	{"pf", "PF"}, {"pg", "PG"}, {"ph", "PH"}, {"philippines", "PH"},
	{"phl", "PH"}, {"pitcairn", "PN"}, {"pitcairn islands", "PN"},
	{"pk", "PK"}, {"pl", "PL"}, {"plurinational state of bolivia", "BO"},
	{"plw", "PW"}, {"pm", "PM"}, {"pn", "PN"}, {"png", "PG"}, {"pol", "PL"},
	{"poland", "PL"}, {"polska", "PL"}, {"portugal", "PT"},
	{"portuguese republic", "PT"}, {"pr", "PR"}, {"prc", "CN"}, {"pri", "PR"},
	{"principality of andorra", "AD"}, {"principality of liechtenstein", "LI"},
	{"principality of monaco", "MC"}, {"prk", "KP"},
	{"province of china taiwan", "TW"}, {"prt", "PT"}, {"pry", "PY"},
	{"ps", "PS"}, {"pse", "PS"}, {"pt", "PT"}, {"puerto rico", "PR"},
	{"pw", "PW"}, {"py", "PY"}, {"pyf", "PF"}, {"qa", "QA"}, {"qat", "QA"},
	{"qatar", "QA"}, {"re", "RE"}, {"republic of albania", "AL"},
	{"republic of angola", "AO"}, {"republic of armenia", "AM"},
	{"republic of austria", "AT"}, {"republic of azerbaijan", "AZ"},
	{"republic of belarus", "BY"}, {"republic of benin", "BJ"},
	{"republic of bosnia and herzegovina", "BA"},
	{"republic of botswana", "BW"}, {"republic of bulgaria", "BG"},
	{"republic of burundi", "BI"}, {"republic of cabo verde", "CV"},
	{"republic of cameroon", "CM"}, {"republic of chad", "TD"},
	{"republic of chile", "CL"}, {"republic of colombia", "CO"},
	{"republic of costa rica", "CR"}, {"republic of cote divoire", "CI"},
	{"republic of croatia", "HR"}, {"republic of cuba", "CU"},
	{"republic of cyprus", "CY"}, {"republic of djibouti", "DJ"},
	{"republic of ecuador", "EC"}, {"republic of el salvador", "SV"},
	{"republic of equatorial guinea", "GQ"}, {"republic of estonia", "EE"},
	{"republic of fiji", "FJ"}, {"republic of finland", "FI"},
	{"republic of ghana", "GH"}, {"republic of guatemala", "GT"},
	{"republic of guinea", "GN"}, {"republic of guinea bissau", "GW"},
	{"republic of guyana", "GY"}, {"republic of haiti", "HT"},
	{"republic of honduras", "HN"}, {"republic of iceland", "IS"},
	{"republic of india", "IN"}, {"republic of indonesia", "ID"},
	{"republic of iraq", "IQ"}, {"republic of ireland", "IE"},
	{"republic of kazakhstan", "KZ"}, {"republic of kenya", "KE"},
	{"republic of kiribati", "KI"}, {"republic of korea", "KR"},
	{"republic of kosovo", "XK"}, {"republic of latvia", "LV"},
	{"republic of liberia", "LR"}, {"republic of lithuania", "LT"},
	{"republic of madagascar", "MG"}, {"republic of malawi", "MW"},
	{"republic of maldives", "MV"}, {"republic of mali", "ML"},
	{"republic of malta", "MT"}, {"republic of mauritius", "MU"},
	{"republic of moldova", "MD"}, {"republic of mozambique", "MZ"},
	{"republic of myanmar", "MM"}, {"republic of namibia", "NA"},
	{"republic of nauru", "NR"}, {"republic of nicaragua", "NI"},
	{"republic of north macedonia", "MK"}, {"republic of palau", "PW"},
	{"republic of panama", "PA"}, {"republic of paraguay", "PY"},
	{"republic of peru", "PE"}, {"republic of poland", "PL"},
	{"republic of san marino", "SM"}, {"republic of senegal", "SN"},
	{"republic of serbia", "RS"}, {"republic of seychelles", "SC"},
	{"republic of sierra leone", "SL"}, {"republic of singapore", "SG"},
	{"republic of slovenia", "SI"}, {"republic of south africa", "ZA"},
	{"republic of south sudan", "SS"}, {"republic of suriname", "SR"},
	{"republic of tajikistan", "TJ"}, {"republic of the congo", "CG"},
	{"republic of the gambia", "GM"},
	{"republic of the marshall islands", "MH"},
	{"republic of the niger", "NE"}, {"republic of the philippines", "PH"},
	{"republic of the sudan", "SD"}, {"republic of trinidad and tobago", "TT"},
	{"republic of tunisia", "TN"}, {"republic of turkiye", "TR"},
	{"republic of uganda", "UG"}, {"republic of uzbekistan", "UZ"},
	{"republic of vanuatu", "VU"}, {"republic of yemen", "YE"},
	{"republic of zambia", "ZM"}, {"republic of zimbabwe", "ZW"},
	{"reu", "RE"}, {"reunion", "RE"}, {"ro", "RO"}, {"romania", "RO"},
	{"rou", "RO"}, {"rs", "RS"}, {"ru", "RU"}, {"rus", "RU"}, {"russia", "RU"},
	{"russian federation", "RU"}, {"rw", "RW"}, {"rwa", "RW"},
	{"rwanda", "RW"}, {"rwandese republic", "RW"}, {"sa", "SA"},
	{"samoa", "WS"}, {"samoa american", "AS"}, {"samoa western", "WS"},
	{"san marino", "SM"}, {"sao tome and principe", "ST"}, {"sau", "SA"},
	{"saudi arabia", "SA"}, {"sb", "SB"}, {"sc", "SC"}, {"schweiz", "CH"},
	{"scotland", "GB"}, {"sd", "SD"}, {"sdn", "SD"}, {"se", "SE"},
	{"sen", "SN"}, {"senegal", "SN"}, {"serbia", "RS"}, {"seychelles", "SC"},
	{"sg", "SG"}, {"sgp", "SG"}, {"sgs", "GS"}, {"sh", "SH"}, {"shn", "SH"},
	{"si", "SI"}, {"sierra leone", "SL"}, {"singapore", "SG"},
	{"sint maarten", "SX"}, {"sint maarten dutch part", "SX"}, {"sj", "SJ"},
	{"sjm", "SJ"}, {"sk", "SK"}, {"sl", "SL"}, {"slb", "SB"}, {"sle", "SL"},
	{"slovak republic", "SK"}, {"slovakia", "SK"}, {"slovenia", "SI"},
	{"slv", "SV"}, {"sm", "SM"}, {"smr", "SM"}, {"sn", "SN"}, {"so", "SO"},
	{"socialist republic of viet nam", "VN"}, {"solomon islands", "SB"},
	{"som", "SO"}, {"somalia", "SO"}, {"south africa", "ZA"},
	{"south georgia and the south sandwich islands", "GS"},
	{"south korea", "KR"}, {"south sudan", "SS"}, {"spain", "ES"},
	{"spm", "PM"}, {"sr", "SR"}, {"srb", "RS"}, {"sri lanka", "LK"},
	{"ss", "SS"}, {"ssd", "SS"}, {"st", "ST"}, {"st barthelemy", "BL"},
	{"st helena", "SH"}, {"st helena ascension and tristan da cunha", "SH"},
	{"st kitts", "KN"}, {"st kitts and nevis", "KN"}, {"st lucia", "LC"},
	{"st maarten dutch", "SX"}, {"st martin", "MF"},
	{"st martin french", "MF"}, {"st martin french part", "MF"},
	{"st pierre and miquelon", "PM"}, {"st vincent", "VC"},
	{"st vincent and the grenadines", "VC"}, {"state of eritrea", "ER"},
	{"state of israel", "IL"}, {"state of kuwait", "KW"},
	{"state of palestine", "PS"}, {"state of qatar", "QA"}, {"stp", "ST"},
	{"sudan", "SD"}, {"suisse", "CH"}, {"sultanate of oman", "OM"},
	{"suomi", "FI"}, {"sur", "SR"}, {"suriname", "SR"}, {"sv", "SV"},
	{"svalbard", "SJ"}, {"svalbard and jan mayen", "SJ"}, {"sverige", "SE"},
	{"svk", "SK"}, {"svn", "SI"}, {"swaziland", "SZ"}, {"swe", "SE"},
	{"sweden", "SE"}, {"swiss confederation", "CH"}, {"switzerland", "CH"},
	{"swz", "SZ"}, {"sx", "SX"}, {"sxm", "SX"}, {"sy", "SY"}, {"syc", "SC"},
	{"syr", "SY"}, {"syria", "SY"}, {"syrian arab republic", "SY"},
	{"sz", "SZ"}, {"taiwan", "TW"}, {"taiwan province of china", "TW"},
	{"taiwan roc", "TW"}, {"tajikistan", "TJ"}, {"tanzania", "TZ"},
	{"tanzania united republic of", "TZ"}, {"tc", "TC"}, {"tca", "TC"},
	{"tcd", "TD"}, {"td", "TD"}, {"tf", "TF"}, {"tg", "TG"}, {"tgo", "TG"},
	{"th", "TH"}, {"tha", "TH"}, {"thailand", "TH"}, {"timor leste", "TL"},
	{"tj", "TJ"}, {"tjk", "TJ"}, {"tk", "TK"}, {"tkl", "TK"}, {"tkm", "TM"},
	{"tl", "TL"}, {"tls", "TL"}, {"tm", "TM"}, {"tn", "TN"}, {"to", "TO"},
	{"togo", "TG"}, {"togolese republic", "TG"}, {"tokelau", "TK"},
	{"ton", "TO"}, {"tonga", "TO"}, {"tr", "TR"}, {"trinidad", "TT"},
	{"trinidad and tobago", "TT"}, {"tt", "TT"}, {"tto", "TT"}, {"tun", "TN"},
	{"tunisia", "TN"}, {"tur", "TR"}, {"turkey", "TR"}, {"turkiye", "TR"},
	{"turkmenistan", "TM"}, {"turks and caicos is", "TC"},
	{"turks and caicos islands", "TC"}, {"tuv", "TV"}, {"tuvalu", "TV"},
	{"tv", "TV"}, {"tw", "TW"}, {"twn", "TW"}, {"tz", "TZ"}, {"tza", "TZ"},
	{"ua", "UA"}, {"uae", "AE"}, {"ug", "UG"}, {"uga", "UG"}, {"uganda", "UG"},
	{"uk", "GB"}, {"ukr", "UA"}, {"ukraine", "UA"}, {"um", "UM"},
	{"umi", "UM"}, {"union of the comoros", "KM"},
	{"united arab emirates", "AE"}, {"united kingdom", "GB"},
	{"united kingdom of great britain", "GB"},
	{"united kingdom of great britain and northern ireland", "GB"},
	{"united mexican states", "MX"}, {"united republic of tanzania", "TZ"},
	{"united states", "US"}, {"united states minor outlying islands", "UM"},
	{"united states of america", "US"}, {"united states virgin islands", "VI"},
	{"uruguay", "UY"}, {"ury", "UY"}, {"us", "US"},
	{"us minor outlying islands", "UM"}, {"us of a", "US"},
	{"us virgin islands", "VI"}, {"usa", "US"}, {"uy", "UY"}, {"uz", "UZ"},
	{"uzb", "UZ"}, {"uzbekistan", "UZ"}, {"va", "VA"}, {"vanuatu", "VU"},
	{"vat", "VA"}, {"vatican", "VA"}, {"vatican city", "VA"}, {"vc", "VC"},
	{"vct", "VC"}, {"ve", "VE"}, {"ven", "VE"}, {"venezuela", "VE"},
	{"venezuela bolivarian republic of", "VE"}, {"vg", "VG"}, {"vgb", "VG"},
	{"vi", "VI"}, {"viet nam", "VN"}, {"vietnam", "VN"}, {"vir", "VI"},
	{"virgin islands", "VI"}, {"virgin islands british", "VG"},
	{"virgin islands of the united states", "VI"}, {"virgin islands uk", "VG"},
	{"virgin islands us", "VI"}, {"vn", "VN"}, {"vnm", "VN"}, {"vu", "VU"},
	{"vut", "VU"}, {"wales", "GB"}, {"wallis and futuna", "WF"},
	{"west bank", "PS"}, {"western sahara", "EH"}, {"western samoa", "WS"},
	{"wf", "WF"}, {"wlf", "WF"}, {"ws", "WS"}, {"wsm", "WS"}, {"xk", "XK"},
	{"xkx", "XK"}, {"ye", "YE"}, {"yem", "YE"}, {"yemen", "YE"}, {"yt", "YT"},
	{"za", "ZA"}, {"zaf", "ZA"}, {"zambia", "ZM"}, {"zimbabwe", "ZW"},
	{"zm", "ZM"}, {"zmb", "ZM"}, {"zw", "ZW"}, {"zwe", "ZW"},
};

/* Letters without their accents, other code points dropped. */
static char *
to_ascii(const char *text)
{
	size_t		len = strlen(text);
	pg_wchar   *chars = palloc(sizeof(pg_wchar) * (len + 1));
	char	   *result;
	char	   *out;
	int			n;

	n = pg_encoding_mb2wchar_with_len(PG_UTF8, text, chars, len);
	chars[n] = 0;
	chars = unicode_normalize(UNICODE_NFKD, chars);
	for (n = 0; chars[n] != 0; n++)
		;
	out = result = palloc(n + 1);
	for (int i = 0; i < n; i++)
		if (chars[i] < 0x80)
			*out++ = chars[i];
	*out = '\0';
	return result;
}

/* Lower case, words parted by one blank, without "the" and dots. */
static char *
canonical(const char *text)
{
	char	   *from = to_ascii(text);
	char	   *result = palloc(strlen(from) * 4 + 2);
	char	   *out = result;

	for (; *from != '\0'; from++)
	{
		char		c = pg_ascii_tolower((unsigned char) *from);

		if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
			*out++ = c;
		else if (c == '&')
		{
			strcpy(out, out > result && out[-1] != ' ' ? " and " : "and ");
			out += strlen(out);
		}
		else if (c != '.' && c != '\'' && out > result && out[-1] != ' ')
			*out++ = ' ';
	}
	while (out > result && out[-1] == ' ')
		out--;
	*out = '\0';
	if (strncmp(result, "the ", 4) == 0)
		result += 4;
	while ((out = strstr(result, "saint ")) != NULL &&
		   (out == result || out[-1] == ' '))
	{
		memmove(out + 2, out + 5, strlen(out + 5) + 1);
		out[1] = 't';
	}
	return result;
}

const char *
lp_country_code(const char *text)
{
	int			low = 0;
	int			high = lengthof(countries);
	char	   *wanted;

	if (text == NULL || strlen(text) > MAX_BYTES)
		return NULL;
	wanted = canonical(text);
	while (low < high)
	{
		int			middle = (low + high) / 2;
		int			order = strcmp(wanted, countries[middle].name);

		if (order == 0)
			return countries[middle].code;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}
