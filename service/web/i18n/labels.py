"""What codes are called: (简体中文, English)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from service.i18n import names

Pair = tuple[str, str]

LABELS: Mapping[str, Mapping[str, Pair]] = MappingProxyType(
    {
        "measure": {
            "total": ("总积分", "Points in all"),
            "ecological_protection": ("生态保护", "Ecological protection"),
            "ecological_business": ("生态经营", "Ecological business"),
            "green_living": ("绿色生活", "Green living"),
            "ecological_culture": ("生态文化", "Ecological culture"),
            "social_responsibility": ("社会责任", "Social responsibility"),
        },
        "kind": {
            "bike_trip": ("骑行", "Bike trips"),
            "transit_trip": ("公交地铁出行", "Bus and metro trips"),
            "volunteer_minutes": ("志愿服务", "Volunteering"),
            "community_meeting": ("社区议事", "Community meetings"),
            "eco_course": ("生态课程", "Courses on nature"),
            "tree_planted": ("植树", "Trees planted"),
            "green_shop_month": ("绿色经营月", "Months of green shopkeeping"),
        },
        "unit": {
            "bike_trip": ("次", "trips"),
            "transit_trip": ("次", "trips"),
            "volunteer_minutes": ("分钟", "minutes"),
            "community_meeting": ("次", "meetings"),
            "eco_course": ("次", "courses"),
            "tree_planted": ("棵", "trees"),
            "green_shop_month": ("个月", "months"),
        },
        "one": {
            "bike_trip": ("次", "trip"),
            "transit_trip": ("次", "trip"),
            "volunteer_minutes": ("分钟", "minute"),
            "community_meeting": ("次", "meeting"),
            "eco_course": ("次", "course"),
            "tree_planted": ("棵", "tree"),
            "green_shop_month": ("个月", "month"),
        },
        "scene": {
            "library": ("信易阅 · 借阅", "Reading"),
            "parking": ("信易停 · 停车", "Parking"),
            "medical_convenience": ("信易医 · 就医便利", "Medical convenience"),
            "tourism": ("信易游 · 旅游", "Tourism"),
            "mobility": ("信易行 · 出行", "Getting about"),
            "lodging": ("信易住 · 住宿", "Lodging"),
            "rental": ("信易租 · 租借", "Hiring"),
            "shopping": ("信易购 · 购物", "Shopping"),
            "fitness": ("信易健 · 健身", "Fitness"),
            "approvals": ("信易批 · 办事", "Approvals"),
            "bills": ("生活缴费", "Bills"),
        },
        "purpose": {
            "points.compute": ("使用来源的记录为我计算积分", "Use a source's records for my points"),
            "benefit.check": ("使用我的积分判断权益是否适用", "Use my points to see whether a benefit applies"),
        },
        "state": {
            "given": ("生效中", "Live"),
            "refused": ("未同意", "Refused"),
            "withdrawn": ("已停止", "Stopped"),
            "expired": ("已到期", "Expired"),
            "terminated": ("已终止", "Ended"),
            "open": ("处理中", "Being decided"),
            "upheld": ("异议成立", "You were right"),
            "rejected": ("维持原记录", "The record stays"),
            "corrected": ("已更正", "Corrected"),
            "draft": ("草稿", "Draft"),
            "in_review": ("待隐私专员审核", "With a privacy officer"),
            "submitted": ("待他人审批", "Waits for another person"),
            "approved": ("已批准", "Approved"),
            "scheduled": ("已批准，待生效", "Approved, not yet in force"),
            "in_force": ("生效中", "In force"),
            "superseded": ("已被新版本取代", "Superseded"),
            "retired": ("已退役", "Retired"),
            "discarded": ("已放弃", "Given up"),
            "suspended": ("已暂停", "Suspended"),
            "resume_requested": ("已申请恢复", "Start asked for"),
            "redeemed": ("已兑现", "Honoured"),
            "reversed": ("已撤销", "Taken back"),
        },
        "documents": {
            "providers": ("机构", "Providers"),
            "venues": ("场所", "Venues"),
            "sources": ("数据来源", "Data sources"),
            "services": ("服务与基准", "Services and baselines"),
            "benefits": ("权益", "Benefits"),
            "schemes": ("积分方案", "Schemes"),
            "notices": ("告知书", "Notices"),
        },
        "document": {
            "providers": ("机构", "Provider"),
            "venues": ("场所", "Venue"),
            "sources": ("数据来源", "Data source"),
            "services": ("服务与基准", "Service and baseline"),
            "benefits": ("权益", "Benefit"),
            "schemes": ("积分方案", "Scheme"),
            "notices": ("告知书", "Notice"),
            "barred_use": ("禁止的用途", "Barred use"),
            "key": ("公钥", "Public key"),
        },
        "operation": {
            "door": ("使用其他入口的令牌", "Using the token of another door"),
            "submitVersion": ("提交文件", "Submit a document"),
            "approveVersion": ("审批文件", "Approve a document"),
            "resumeVersion": ("恢复文件", "Start a document again"),
            "retireVersion": ("停用文件", "Retire a document"),
            "editDocument": ("修改文件", "Edit a document"),
            "decideReview": ("决定审核", "Decide a review"),
            "giveConsent": ("同意", "Give a consent"),
            "refuseConsent": ("不同意", "Refuse a consent"),
            "confirmLink": ("确认账号关联", "Confirm a link to an account"),
        },
        "reason": {
            "not_mine": ("不是我的记录", "It is not mine"),
            "wrong_quantity": ("数量不对", "The amount is wrong"),
            "wrong_day": ("日期不对", "The day is wrong"),
            "counted_twice": ("重复计算", "It is there twice"),
            "missing": ("缺少记录", "A record is missing"),
            "other": ("其他", "Something else"),
            "mistaken_scan": ("误扫", "Scanned by mistake"),
            "not_delivered": ("未能提供", "It was not given"),
            "resident_asked": ("出示者要求", "The person asked for it"),
            "oversight": ("例行监督", "Oversight"),
            "complaint": ("投诉核查", "A complaint"),
            "audit": ("审计", "Audit"),
        },
        "period": {
            "day": ("天", "day"),
            "week": ("周", "week"),
            "month": ("月", "month"),
            "year": ("年", "year"),
        },
        "severity": {
            "refused": ("拒绝", "Refused"),
            "flagged": ("需审核", "Needs a review"),
            "advice": ("建议", "Advice"),
        },
        "provider_kind": names.PROVIDER_KINDS,
        "service_kind": names.SERVICE_KINDS,
        "effect_kind": names.EFFECT_KINDS,
        "answer": {"true": ("是", "yes"), "false": ("否", "no")},
        "yes": {"true": ("有", "yes"), "false": ("无", "no")},
        "log": {"consent": ("同意日志", "Consent log"), "policy": ("规则日志", "Policy log")},
        "event": {
            "consent.given": ("同意", "Consent given"),
            "consent.refused": ("未同意", "Refused"),
            "consent.withdrawn": ("停止", "Stopped"),
            "consent.expired": ("到期", "Expired"),
            "consent.terminated": ("终止", "Ended"),
        },
        "category": {
            "green_living": ("绿色出行", "Green living"),
            "volunteer": ("志愿服务", "Volunteering"),
            "civic": ("社区公益", "Civic life"),
        },
        "door": {
            "resident": ("居民", "Resident"),
            "venue": ("场所", "Venue"),
            "source": ("数据来源", "Data source"),
            "administrator": ("管理员", "Administrator"),
            "privacy": ("隐私专员", "Privacy officer"),
            "public": ("公开", "Public"),
        },
    }
)
"""By group and code."""
EFFECTS: Mapping[str, Pair] = MappingProxyType(
    {
        "deposit_waiver": ("免押金，最高 {up_to_fen}", "No deposit, up to {up_to_fen}"),
        "fee_discount": ("费用减 {percent}%", "{percent}% off the fee"),
        "free_minutes": ("免费时间另加 {minutes} 分钟", "{minutes} more free minute[s]"),
        "longer_period": ("期限另加 {days} 天", "{days} more day[s]"),
        "more_items": ("另加 {items} 件", "{items} more item[s]"),
        "pay_after": ("可在 {within_days} 天内后付", "Pay afterwards, within {within_days} day[s]"),
        "extra_counter": ("另开 {counters} 个窗口", "{counters} additional counter[s]"),
        "extra_window": ("另加 {extra_capacity} 个名额", "{extra_capacity} additional place[s]"),
        "delivery": ("免费送达", "Delivered to you"),
        "small_gift": ("小礼品，约值 {value_fen}", "A small gift worth {value_fen}"),
        "missing_paper_accepted": (
            "可在 {within_days} 天内补交材料",
            "One paper may follow within {within_days} day[s]",
        ),
    }
)
"""What a benefit adds, with its amounts. What stands in brackets is left out for one of something."""
ATTRIBUTES: Mapping[str, Pair] = MappingProxyType(
    {
        "price_fen": ("价格 {}", "Price {}"),
        "deposit_fen": ("押金 {}", "Deposit {}"),
        "period_days": ("期限 {} 天", "Period {} day[s]"),
        "items": ("{} 件", "{} item[s]"),
        "free_minutes": ("免费 {} 分钟", "{} minute[s] free"),
        "wait_minutes": ("等候约 {} 分钟", "A wait of about {} minute[s]"),
        "capacity": ("名额 {} 个", "{} place[s]"),
        "counters": ("窗口 {} 个", "{} counter[s]"),
        "pay_within_days": ("可在 {} 天内付款", "Pay within {} day[s]"),
        "delivery": ("送达", "Delivery"),
        "gift_fen": ("礼品价值 {}", "Gift worth {}"),
        "papers_within_days": ("可在 {} 天内补交材料", "Papers may follow within {} day[s]"),
    }
)
"""What everybody gets, attribute by attribute. What stands in brackets is left out for one of something."""
NOTHING: Mapping[str, Pair] = MappingProxyType(
    {"price_fen": ("免费", "Free of charge"), "deposit_fen": ("无需押金", "No deposit")}
)
"""The attributes of which none is worth a word; none of any other is not mentioned."""
ORDINARY: Pair = ("通常的服务", "The service as it is")
"""What everybody gets where no attribute is anything."""
ANYBODY: Pair = ("您选择的机构", "the organisation you choose")
"""The counterpart of a notice that is the same for all of them."""
