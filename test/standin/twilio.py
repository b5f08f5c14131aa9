"""
twilio.py - answers like Twilio Lookup, at /lookup/v2/PhoneNumbers/{number},
/lookup/v2/batch/query and, as of old, /lookup/v1/PhoneNumbers/{number}.

What a number is follows from its digits; "numbers" in the settings says
otherwise for single ones: {"+12025550143": {"type": "landline", "carrier_name":
null}, ...}, where "error_code" is that of the package.
"""

import base64
import re

import fixtures
from message import Answer
from provider import Provider, number, percent

# Calling code: country, digits after the code, mobile country and network code.
PLANS = {"1": ("US", (10,), "311", "480"), "44": ("GB", (9, 10), "234", "15"), "61": ("AU", (9,), "505", "01"),
         "49": ("DE", (7, 8, 9, 10, 11), "262", "02"), "33": ("FR", (9,), "208", "10"), "31": ("NL", (9, 11), "204", "08"),
         "353": ("IE", (7, 8, 9), "272", "02"), "64": ("NZ", (8, 9, 10), "530", "05")}
COUNTRIES = {plan[0]: code for code, plan in PLANS.items()}
TYPES = ["mobile"] * 11 + ["landline"] * 4 + ["fixedVoip", "nonFixedVoip", "nonFixedVoip", "tollFree", "unknown"]
WITH_CARRIER = ("mobile", "landline", "fixedVoip", "nonFixedVoip")
PACKAGES = ("caller_name", "sim_swap", "call_forwarding", "line_status", "line_type_intelligence", "identity_match",
            "reassigned_number", "sms_pumping_risk", "phone_number_quality_score", "pre_fill")
PRICES = {"line_type_intelligence": 0.008, "caller_name": 0.010, "reassigned_number": 0.02, "line_status": 0.007,
          "sms_pumping_risk": 0.025}


def error(status, code, message):
    return Answer(status, {"code": code, "message": message, "status": status,
                           "more_info": f"https://www.twilio.com/docs/errors/{code}"})


class Twilio(Provider):
    name = "twilio"
    prefix = "lookup"
    defaults = {
        "users": {"ACEXAMPLE": "token-EXAMPLE", "SKEXAMPLE": "secret-EXAMPLE"},
        "restricted": ["SKRESTRICTED"],         # keys that lack the permission, any secret
        "numbers": {},
        "missing_carrier_percent": 2,
    }

    def endpoint(self, request):
        words = request.words(1)
        return "/".join(words[:2])

    def subjects(self, request):
        words = request.words(1)
        if words[:2] == ["v2", "batch"]:
            return [asked["phone_number"] for asked in request.json().get("phone_numbers", [])]
        return words[2:3]

    def answer(self, request, effects):
        refused = self.refuse(request)
        if refused is not None:
            return refused
        words = request.words(1)
        if words == ["v2", "batch", "query"] and request.method == "POST":
            return self.batch(request)
        if request.method != "GET" or words[1:2] != ["PhoneNumbers"] or len(words) < 3 or not words[2]:
            return fixtures.answer("twilio/error_404_20404.json")
        if words[0] == "v1":
            return self.old(words[2], request.query)
        return self.lookup(words[2], request.query)

    def refuse(self, request):
        kind, _, given = request.headers.get("authorization", "").partition(" ")
        try:
            user, _, secret = base64.b64decode(given).decode().partition(":")
        except ValueError:
            user = secret = ""
        if kind.lower() == "basic" and user in self.settings["restricted"]:
            return fixtures.answer("twilio/error_401_70051.json")
        if kind.lower() != "basic" or not secret or self.settings["users"].get(user) != secret:
            return fixtures.answer("twilio/error_401_20003.json")
        return None

    # One number.

    def lookup(self, asked, query):
        fields = [name for name in query.get("Fields", "").split(",") if name]
        if "reassigned_number" in fields and not re.fullmatch(r"\d{8}", query.get("LastVerifiedDate", "")):
            return fixtures.answer("twilio/error_400_60617.json")
        if any(name not in PACKAGES + ("validation",) for name in fields):
            return error(400, 20001, "Unknown field")
        body = self.describe(asked, query.get("CountryCode"), fields, query.get("LastVerifiedDate"))
        body["url"] = "https://lookups.twilio.com/v2/PhoneNumbers/" + body["phone_number"]
        answer = Answer(200, body, {"twilio-concurrent-requests": "1", "twilio-request-id": "RQEXAMPLE"})
        return self.charge(answer, [(body, fields)])

    @staticmethod
    def charge(answer, looked_up):
        for body, fields in looked_up:
            price = sum(PRICES.get(name, 0) for name in fields) if body["valid"] else 0
            if price:
                answer.credits = round(answer.credits + price, 4)
                answer.billed.append(body["phone_number"])
        return answer

    @staticmethod
    def parse(asked, country):
        """E.164, calling code and rest; or the text, None and what is wrong."""
        digits = re.sub(r"[\s().-]", "", asked)
        if not digits.startswith("+"):
            code = COUNTRIES.get((country or "US").upper(), "1")
            digits = f"+{code}{digits.removeprefix('0') if code != '1' else digits}"
        if not re.fullmatch(r"\+\d+", digits):
            return digits, None, "NOT_A_NUMBER"
        for length in (1, 2, 3):
            code, rest = digits[1:1 + length], digits[1 + length:]
            if code in PLANS:
                lengths = PLANS[code][1]
                if len(rest) < min(lengths):
                    return digits, None, "TOO_SHORT"
                if len(rest) > max(lengths):
                    return digits, None, "TOO_LONG"
                if len(rest) not in lengths or (code == "1" and rest[0] in "01"):
                    return digits, None, "INVALID_LENGTH" if len(rest) not in lengths else "INVALID_BUT_POSSIBLE"
                return digits, code, rest
        return digits, None, "INVALID_COUNTRY_CODE"

    def describe(self, asked, country, fields, verified):
        phone, code, rest = self.parse(asked, country)
        body = {"calling_country_code": code, "country_code": PLANS[code][0] if code else None, "phone_number": phone,
                "national_format": None, "valid": code is not None, "validation_errors": [] if code else [rest]}
        body.update(dict.fromkeys(PACKAGES))
        if code is None:
            return body
        body["national_format"] = f"({rest[:3]}) {rest[3:6]}-{rest[6:]}" if code == "1" else "0" + rest
        for name in fields:
            if name in PACKAGES:
                body[name] = getattr(self, name, lambda *_: {"error_code": 60606})(phone, code, verified)
        return body

    # The packages.

    def line_type_intelligence(self, phone, code, verified):
        kind = TYPES[number("type", phone) % len(TYPES)]
        mobile = kind == "mobile"
        carrier = {"mobile": "Example Wireless Inc.", "landline": "Example Telecom plc"}.get(kind, "Sample Cloud Voice")
        missing = kind not in WITH_CARRIER or percent(self.settings["missing_carrier_percent"], "carrier", phone)
        package = {"mobile_country_code": PLANS[code][2] if mobile else None,
                   "mobile_network_code": PLANS[code][3] if mobile else None,
                   "carrier_name": None if missing else carrier, "type": kind, "error_code": None}
        own = self.settings["numbers"].get(phone, {})
        if own.get("error_code"):
            package = dict.fromkeys(package)
        package.update(own)
        return package

    def caller_name(self, phone, code, verified):
        if code != "1":
            return {"caller_name": None, "caller_type": None, "error_code": 60600}
        return {"caller_name": "SAMPLE BAKERY", "caller_type": "BUSINESS", "error_code": None}

    def line_status(self, phone, code, verified):
        return {"status": "inactive" if percent(5, "status", phone) else "active", "error_code": None}

    def reassigned_number(self, phone, code, verified):
        if code != "1":
            return {"last_verified_date": verified, "is_number_reassigned": None, "error_code": "60607"}
        answer = ("no", "no", "no", "yes", "no_data_available")[number("reassigned", phone) % 5]
        return {"last_verified_date": verified, "is_number_reassigned": answer, "error_code": None}

    def sms_pumping_risk(self, phone, code, verified):
        score = number("risk", phone) % 100
        band = next(name for top, name in ((60, "low"), (75, "mild"), (90, "moderate"), (101, "high")) if score < top)
        return {"carrier_risk_category": band, "number_blocked": False, "number_blocked_date": None,
                "number_blocked_last_3_months": False, "sms_pumping_risk_score": score, "error_code": None}

    # Other shapes.

    def batch(self, request):
        """Answers in another order than asked: they are told by correlation_id."""
        answers, looked_up = [], []
        for asked in request.json().get("phone_numbers", []):
            fields = asked.get("fields", [])
            verified = (asked.get("reassigned_number") or {}).get("last_verified_date")
            body = self.describe(asked["phone_number"], asked.get("country_code"), fields, verified)
            answers.append({"correlation_id": asked.get("correlation_id"), "twilio_error_code": None, **body})
            looked_up.append((body, fields))
        answers = answers[1:] + answers[:1]
        return self.charge(Answer(200, {"phone_numbers": answers}), looked_up)

    def old(self, asked, query):
        body = self.describe(asked, query.get("CountryCode"), ["line_type_intelligence"], None)
        phone = body["phone_number"]
        if not body["valid"]:
            return error(404, 20404, f"The requested resource /PhoneNumbers/{phone} was not found")
        line = body["line_type_intelligence"]
        kind = line["type"] if line["type"] in ("mobile", "landline") else "voip"
        carrier = {"mobile_country_code": line["mobile_country_code"], "mobile_network_code": line["mobile_network_code"],
                   "name": line["carrier_name"], "type": kind, "error_code": line["error_code"]}
        answer = Answer(200, {
            "caller_name": None, "country_code": body["country_code"], "phone_number": phone,
            "national_format": body["national_format"], "carrier": carrier if query.get("Type") == "carrier" else None,
            "add_ons": None, "url": f"https://lookups.twilio.com/v1/PhoneNumbers/{phone}"})
        if query.get("Type") == "carrier":
            answer.credits, answer.billed = 0.005, [phone]
        return answer
