"""Ids of the sample articles in `seeds/`, so that they can be removed after their files are deleted.

Five of the first samples had the names and links of real publishers. Databases still have them.
"""

from __future__ import annotations

ENTRY_IDS = (
    "urn:uuid:2b64cd77-bd2e-546c-a87a-aa076b97ba80",
    "urn:uuid:e4498e59-b55b-5d9f-9852-814fa45a9855",
    "urn:uuid:e4af21b8-5827-5db3-ad13-43ada147d497",
    "urn:uuid:93f675b2-3caa-5237-a2d5-0383d7453565",
    "urn:uuid:423d083c-5b93-5507-843c-7a8277445f33",
    "urn:uuid:e7325105-27a4-50f4-9ce5-dd0ee0ce6da7",
    "urn:uuid:36a3bad1-d5f8-549a-9219-fc6d5e4c65cf",
    "urn:uuid:daa067d2-a261-5a9f-9630-d16c638b20d4",
    "urn:uuid:6e8b3848-5823-5888-991e-161feb275607",
    "urn:uuid:7b6330e7-5a0e-52e8-932c-d9a1c50ca592",
    "urn:uuid:d92418f6-f10b-508f-8bc9-e73023cf7fab",
    "urn:uuid:c80d1c3b-2d0d-55b7-a426-eef9f51763d2",
    # The five with invented publishers, since 2026-11-30.
    "urn:uuid:490f7ab3-147b-5625-90bf-bf728a7e09d3",
    "urn:uuid:a4408ca9-5a91-5066-82b1-dbeb0864ab60",
    "urn:uuid:bf78a4fb-93ce-5c27-8cd3-74e02e58c199",
    "urn:uuid:af330639-6277-5171-9f3c-a76b68db9306",
    "urn:uuid:74aaad4c-46cd-53d2-bfd1-ae2bbe3b9236",
)
