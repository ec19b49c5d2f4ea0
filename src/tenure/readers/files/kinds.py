"""How files begin by which their kind is told: a ZIP archive, which a workbook (.xlsx) is, and the
container of Excel's old workbooks and of those with a password."""

WORKBOOK, OLD_WORKBOOK = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
