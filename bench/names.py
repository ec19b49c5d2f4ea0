"""What people and departments of the large company are called."""

from __future__ import annotations

GIVEN = (
    "Anna", "Jorge", "Mei", "Tomas", "Lukasz", "Soren", "Olafur", "Zofie", "Dmitri", "Eleni",
    "Hina", "Mohamed", "Huong", "Aoife", "Jean", "Ibrahim", "Ana", "Priya", "Kwame", "Zoe", "Max",
    "Ingrid", "Seoyeon", "Siobhan", "Emeka", "Lea", "Carla", "Piotr", "Noor", "Yusuf",
)  # fmt: skip
FAMILY = (
    "Kovacs", "Ortiz", "Wang", "Brian", "Wojcik", "Kjaer", "Thors", "Novak", "Sokolov", "Papado",
    "Hara", "Hassan", "Nguyen", "Connor", "Lefevre", "Yildiz", "Silva", "Raghu", "Mensah", "Meer",
    "Gross", "Odegard", "Kim", "Domhnaill", "Okonkwo", "Dubois", "Rossi", "Nowak", "Haddad",
    "Demir", "Berg", "Lund", "Costa", "Moreau", "Fischer", "Weber", "Santos", "Popov", "Tanaka",
    "Suzuki",
)  # fmt: skip
ENDINGS = (
    "", "son", "sen", "ez", "ova", "ic", "er", "man", "ski", "ti", "berg", "dal", "lund", "ner",
    "eau", "wood", "ley", "ford", "ton", "by",
)  # fmt: skip
DEPARTMENTS = (
    "Engineering", "Sales", "Support", "Finance", "People", "Legal", "Marketing", "Design",
    "Research", "Security", "Facilities", "Procurement", "Logistics", "Quality", "Training",
    "Treasury", "Data", "Platform", "Field", "Partners",
)  # fmt: skip
