"""The text codes of CPSC-2018's headers as SNOMED CT codes.

As the CinC Challenge of 2020 maps them: it published the same records with SNOMED codes in their place. Its
"PVC" became 164884008 (ventricular ectopics), which is not among the scored codes.
"""

from __future__ import annotations

SNOMED_OF_TEXT_CODE = {
    "AF": "164889003",
    "I-AVB": "270492004",
    "LBBB": "164909002",
    "Normal": "426783006",
    "PAC": "284470004",
    "PVC": "164884008",
    "RBBB": "59118001",
    "STD": "429622005",
    "STE": "164931005",
}
