"""
names.py - what people and companies are made of: names, places, jobs.
"""

import hashlib

AREAS = (201, 202, 203, 205, 206, 207, 208, 209, 210, 212, 213, 214, 215, 216, 217, 218, 219, 301, 302, 303, 304, 305,
         307, 308, 309, 310, 312, 313, 314, 315, 316, 317, 318, 319, 401, 402, 404, 405, 406, 407, 408, 409, 410, 412,
         413, 414, 415, 417, 419, 501, 502, 503, 504, 505, 507, 508, 509, 510, 512, 513, 515, 516, 517, 518)

# Country, weight, cities with region and zone, first names, last names, and the
# mobile number of the nth person there: none is given twice, and when those kept
# for fiction are used up, nobody has one.
COUNTRIES = [
    ("United States", 40, [("Austin", "Texas", "America/Chicago"), ("Denver", "Colorado", "America/Denver"),
                           ("Seattle", "Washington", "America/Los_Angeles"), ("Boston", "Massachusetts", "America/New_York")],
     "Amara Caleb Dalia Evan Farrah Grant Imani Joel Kira Luis Maya Noah Priya Quentin Rosa Tyler".split(),
     "Abbott Brennan Castillo Delgado Eastman Fields Guzman Hollis Iverson Kaplan Lindqvist Monroe Nguyen Okafor Pruitt Ramsey".split(),
     lambda n: f"+1{AREAS[n // 100]}55501{n % 100:02d}" if n < 100 * len(AREAS) else None),
    ("United Kingdom", 24, [("London", "England", "Europe/London"), ("Leeds", "England", "Europe/London"),
                            ("Glasgow", "Scotland", "Europe/London")],
     "Amelia Oliver Isla George Freya Arthur Poppy Rhys".split(),
     "Ashworth Penhaligon Fairclough Iqbal Macrae Thornley Whitcombe Yardley".split(),
     lambda n: f"+447700900{n:03d}" if n < 1000 else None),
    ("Australia", 14, [("Sydney", "New South Wales", "Australia/Sydney"), ("Melbourne", "Victoria", "Australia/Melbourne"),
                       ("Perth", "Western Australia", "Australia/Perth")],
     "Charlotte Jack Matilda Cooper Ruby Lachlan".split(), "Gallagher Nowak Tran Petrou Wallis Kelleher".split(),
     lambda n: "+6149157" + ("0006", "0156", "0157", "0158", "0159", "0110")[n] if n < 6 else None),
    ("Germany", 12, [("Berlin", "Berlin", "Europe/Berlin"), ("München", "Bavaria", "Europe/Berlin")],
     "Hannah Lukas Lena Felix Jürgen Zoë".split(), "Vogel Brandt Keller Sommer Müller-Straßer Götz".split(),
     lambda n: f"+4917139200{n:02d}" if n < 100 else None),
    ("Netherlands", 10, [("Rotterdam", "South Holland", "Europe/Amsterdam"), ("Utrecht", "Utrecht", "Europe/Amsterdam")],
     "Sanne Daan Marisol Ruud Fleur Bram".split(), "Achterberg Verhoeven Dijkstra Quist Hoekstra".split(),
     lambda n: f"+3197014{n:06d}" if n < 10**6 else None),
]

# Title, seniority, department, subdepartment, function.
JOBS = [
    ("Chief Executive Officer", "c_suite", "c_suite", "executive", "entrepreneurship"),
    ("Chief Financial Officer", "c_suite", "master_finance", "finance_executive", "finance"),
    ("Founder", "founder", "c_suite", "founder", "entrepreneurship"),
    ("Owner", "owner", "c_suite", "executive", "entrepreneurship"),
    ("Partner", "partner", "consulting", "consulting", "consulting"),
    ("VP Engineering", "vp", "master_engineering_technical", "software_development", "engineering"),
    ("VP Sales", "vp", "master_sales", "sales", "sales"),
    ("Head of Marketing", "head", "master_marketing", "marketing", "marketing"),
    ("Director of Operations", "director", "master_operations", "operations", "operations"),
    ("Director of Engineering", "director", "master_engineering_technical", "engineering_technical", "engineering"),
    ("IT Manager", "manager", "master_information_technology", "technology_operations", "information_technology"),
    ("Procurement Manager", "manager", "master_operations", "sourcing_procurement", "operations"),
    ("Account Executive", "senior", "master_sales", "account_management", "sales"),
    ("Software Engineer", "entry", "master_engineering_technical", "software_development", "engineering"),
]

INDUSTRIES = ["machinery", "computer software", "renewables & environment", "hospital & health care", "retail",
              "logistics & supply chain", "financial services", "construction", "food production"]
TECHNOLOGIES = [("Amazon AWS", "Hosting"), ("Cloudflare DNS", "Domain Name Services"), ("Gmail", "Email Providers"),
                ("Google Workspace", "Cloud Services"), ("Hubspot", "Marketing Automation"),
                ("Salesforce", "Customer Relationship Management"), ("PostgreSQL", "Data Management"),
                ("Python", "Frameworks and Programming Languages"), ("WordPress.org", "CMS"), ("Stripe", "Payments")]
STEMS = "Quill Tarn Fenn Harbor Larch Moss North Ember Cobalt Sable Alder Brook Crest Dune Field Glen".split()
ENDS = "mere bridge wick light wood line gate stone well dale".split()
TRADES = "Robotics Logistics Solar Foods Health Retail Capital Build Media Systems".split()
FUNCTIONS = ("accounting administrative arts_and_design business_development consulting data_science education engineering "
             "entrepreneurship finance human_resources information_technology legal marketing media_and_commmunication "
             "operations product_management sales support").split()


def hex_id(*parts):
    """24 hex digits, as Apollo's ids are."""
    return hashlib.blake2b("/".join(map(str, parts)).encode(), digest_size=12).hexdigest()


def ascii_word(text):
    table = {"ü": "ue", "ö": "oe", "ë": "e", "ß": "ss", "é": "e"}
    return "".join(table.get(letter, letter) for letter in text.lower())
