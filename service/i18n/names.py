"""What the catalogue's closed words are called, for people: (简体中文, English)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

Pair = tuple[str, str]

PROVIDER_KINDS: Mapping[str, Pair] = MappingProxyType(
    {
        "library": ("图书馆", "Library"),
        "museum": ("博物馆", "Museum"),
        "park": ("公园", "Park"),
        "parking_operator": ("停车场", "Car park"),
        "bike_share": ("公共自行车", "Bike share"),
        "transport_operator": ("公共交通", "Public transport"),
        "hospital": ("医院", "Hospital"),
        "clinic": ("诊所", "Clinic"),
        "hotel": ("酒店", "Hotel"),
        "rental_operator": ("租赁商", "Hire firm"),
        "retailer": ("商店", "Shop"),
        "sports_venue": ("体育场馆", "Sports venue"),
        "theatre_cinema": ("剧院、影院", "Theatre or cinema"),
        "scenic_area": ("景区", "Scenic area"),
        "government_service_hall": ("政务服务大厅", "Government service hall"),
        "bill_delivery": ("账单寄送", "Delivery of bills"),
    }
)
SERVICE_KINDS: Mapping[str, Pair] = MappingProxyType(
    {
        "library_loan": ("图书外借", "Library loan"),
        "reading_room": ("阅览座位", "Reading room"),
        "museum_exhibition": ("博物馆展览", "Museum exhibition"),
        "park_extra": ("公园自选项目", "Extras in a park"),
        "scenic_extra": ("景区自选项目", "Extras in a scenic area"),
        "parking": ("停车", "Parking"),
        "bike_hire": ("租用自行车", "Bike hire"),
        "transport_extra": ("公共交通附加服务", "Extras in public transport"),
        "hospital_admin_counter": ("医院行政窗口", "Hospital office counter"),
        "elective_checkup": ("自费体检", "Elective check-up"),
        "elective_outpatient": ("非紧急门诊", "Elective outpatient care"),
        "elective_inpatient_prepayment": ("择期住院预交金", "Prepayment of an elective stay"),
        "hotel_stay": ("酒店住宿", "Hotel stay"),
        "equipment_hire": ("租借用品", "Hire of equipment"),
        "tenancy_deposit": ("租房押金", "Deposit of a tenancy"),
        "retail_purchase": ("购物", "Purchase in a shop"),
        "sports_session": ("运动场次", "Sports session"),
        "show_ticket": ("演出、电影票", "Ticket for a show"),
        "approval_filing": ("办事申请", "Filing for an approval"),
        "paper_bill": ("纸质账单", "Paper bill"),
    }
)
EFFECT_KINDS: Mapping[str, Pair] = MappingProxyType(
    {
        "deposit_waiver": ("免押金（分）", "No deposit, up to (fen)"),
        "fee_discount": ("费用减免（%）", "Off the fee (percent)"),
        "free_minutes": ("另加免费时间（分钟）", "More free minutes"),
        "longer_period": ("另加期限（天）", "More days"),
        "more_items": ("另加件数", "More items"),
        "pay_after": ("可后付（天内）", "Pay afterwards (within days)"),
        "extra_counter": ("另开窗口（个）", "Additional counters"),
        "extra_window": ("另加名额（个）", "Additional places"),
        "delivery": ("免费送达", "Delivery"),
        "small_gift": ("小礼品（分）", "A small gift (fen)"),
        "missing_paper_accepted": ("容缺受理（天内补交）", "A paper may follow (within days)"),
    }
)
"""With the unit of the one amount that each has."""
DOMAINS: Mapping[str, Pair] = MappingProxyType(
    {
        "emergency_care": ("急诊急救", "emergency care"),
        "scarce_care": ("稀缺医疗资源", "scarce medical care"),
        "schooling": ("入学升学", "schooling"),
        "employment": ("招聘与用工", "employment"),
        "credit_and_insurance": ("信贷与保险", "credit and insurance"),
        "social_protection": ("社会保障", "social protection"),
        "utilities": ("水电气热供应", "supply of utilities"),
        "justice_and_police": ("司法、公安与惩戒", "justice, police and punishment"),
        "identity_and_rights": ("身份证件与公民权利", "identity papers and civil rights"),
        "surcharge": ("加收费用", "a surcharge"),
        "exclusion": ("以失信、低分称呼人，或把人排除在外", "naming people by their faults, or shutting them out"),
    }
)
"""What texts must not be about; the words that give each away are in `benefits/words.toml`."""
