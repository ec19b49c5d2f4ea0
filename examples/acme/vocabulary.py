"""What Acme's people are made of: places, departments and names as they are written where people
live. Data only; `make_people.py` draws from it."""

from __future__ import annotations

#: Location -> time zone, and how its mobile numbers begin.
PLACES = {
    "Budapest": ("Europe/Budapest", "+36 20 555"),
    "Cork": ("Europe/Dublin", "+353 87 555"),
    "Taipei": ("Asia/Taipei", "+886 912 555"),
    "Berlin": ("Europe/Berlin", "+49 151 555"),
    "New York": ("America/New_York", "+1 212 555"),
    "São Paulo": ("America/Sao_Paulo", "+55 11 99555"),
}

#: Department -> head count, cost centre (a text: the zero counts), job titles.
DEPARTMENTS: dict[str, tuple[int, str, tuple[str, ...]]] = {
    "Engineering": (
        90,
        "0410",
        (
            "Software Engineer",
            "Senior Software Engineer",
            "Site Reliability Engineer",
            "Quality Engineer",
            "Product Designer",
        ),
    ),
    "Sales": (
        50,
        "0520",
        ("Account Executive", "Sales Engineer", "Sales Representative"),
    ),
    "Support": (
        42,
        "0530",
        ("Support Specialist", "Support Engineer", "Customer Advocate"),
    ),
    "Marketing": (24, "0540", ("Content Writer", "Campaign Manager", "Brand Designer")),
    "Finance": (18, "0610", ("Accountant", "Payroll Specialist", "Financial Analyst")),
    "People": (16, "0620", ("HR Partner", "Recruiter", "Learning Specialist")),
    "Legal": (10, "0630", ("Legal Counsel", "Contracts Manager", "Paralegal")),
}

#: Location -> given names, family names.
NAMES: dict[str, tuple[str, str]] = {
    "Budapest": (
        "Anna Bence Csilla Dániel Eszter Gergő Ildikó János Kinga László Márta Nóra Örs Péter "
        "Réka Szabolcs Tünde Zsófia",
        "Nagy Kovács Szabó Tóth Horváth Varga Kiss Molnár Németh Farkas Papp Győrffy Fülöp Őri",
    ),
    "Cork": (
        "Aoife Brendan Caoimhe Declan Éabha Fionn Gráinne Ímar Niamh Oisín Róisín Seán Siobhán "
        "Tadhg Úna",
        "Murphy O'Sullivan Walsh Byrne McCarthy Ó\u00a0Laoire Gallagher Doyle Kennedy O'Connor",
    ),
    "Taipei": (
        "Chia-Hao Yi-Chun Wei-Ting Hsin-Yi Ming-Che Pei-Shan Kuan-Yu Shu-Fen Tzu-Wei Ya-Ting",
        "Chen Lin Huang Chang Lee Wang Wu Liu Tsai Yang Hsu",
    ),
    "Berlin": (
        "Anneliese Björn Cem Deniz Elif Friederike Günther Hülya Jörg Katharina Lukas Maja Özlem "
        "Rainer Sören Ursula",
        "Müller Schmidt Schröder Weiß Köhler Yılmaz Öztürk Groß Krüger Nowak Strauß von\u00a0Bülow",
    ),
    "New York": (
        "Aaliyah Brandon Chloé DeShawn Emily Francisco Grace Hannah Isaac Jasmine Kevin Latoya "
        "Marcus Naomi Olivia Renée Tyler Zoë",
        "Johnson Williams García Rodríguez Smith Brown Lewis D'Angelo Nguyen Rosenberg Núñez Park",
    ),
    "São Paulo": (
        "André Beatriz Caio Débora Érica Flávio Gabriela Hélio Inês João Letícia Márcio Natália "
        "Otávio Patrícia Raphael Tânia",
        "Silva Souza Gonçalves Araújo Magalhães Conceição Brandão Simões Corrêa dos\u00a0Santos",
    ),
}

#: People who are there whatever the seed: given name, family name, location, department.
CAST = (
    ("István", "Kovács", "Budapest", "Engineering"),
    ("Séamus", "Ó Briain", "Cork", "Support"),
    ("Łukasz", "Żółkiewski", "Berlin", "Engineering"),
    ("Ayşe", "Şahin", "Berlin", "Sales"),
    ("Hans-Jürgen", "Müller-Lüdenscheidt", "Berlin", "Finance"),
    ("美玲", "王", "Taipei", "Engineering"),
    ("志明", "陳", "Taipei", "Support"),
    ("Дмитрий", "Соколов", "Berlin", "Engineering"),
    ("Γιώργος", "Παπαδόπουλος", "Cork", "Marketing"),
    ("محمد", "الفارسي", "New York", "Legal"),
    ("Þórdís", "Sigurðardóttir", "Cork", "People"),
    ("Nguyễn", "Thị Hương", "Taipei", "Sales"),
    ("Anna", "Nagy", "Budapest", "Marketing"),
    ("Anna", "Nagy", "Budapest", "Engineering"),
)

#: Given names of those who may marry on the next day.
BRIDES = frozenset({"Kinga", "Réka", "Zsófia", "Eszter", "Aoife", "Niamh", "Siobhán", "Katharina"})
