"""The two purposes a consent can have, and the uses that are barred, each with the sentence it comes from.

Nothing can be done with a person's records or points for which there is no purpose here, and no consent can be given
for anything else.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Purpose(StrEnum):
    """What a consent can be for. Closed: research, advertising and requests by authorities are not among them."""

    POINTS_COMPUTE = "points.compute"
    BENEFIT_CHECK = "benefit.check"


@dataclass(frozen=True, slots=True)
class Reference:
    """A sentence or clause that forbids a use: as it is announced, and in both languages.

    `original` is quoted word for word, as it was published; `means` says it in each language.
    """

    text: str
    where_zh: str
    where_en: str
    original: str = ""
    means_zh: str = ""
    means_en: str = ""


@dataclass(frozen=True, slots=True)
class BarredUse:
    """A use that points can never have: why it cannot happen here, and the sentences or clauses that forbid it."""

    code: str
    title_zh: str
    title_en: str
    reason_zh: str
    reason_en: str
    references: tuple[Reference, ...]

    @property
    def reference(self) -> str:
        """Where it comes from, in one line; the policy log announces it so."""
        return "; ".join(one.text for one in self.references)


def _plan(place: str, zh: str, original: str, means_zh: str, means_en: str) -> Reference:
    """A sentence of the province's plan, which was published in traditional characters."""
    return Reference(
        f"Liaoning, 14th five-year plan for the social credit system (2022), {place}: 「{original}」",
        f"辽宁省“十四五”社会信用体系建设规划（2022），{zh}",
        f"Liaoning, 14th five-year plan for the social credit system (2022), {place}",
        original,
        means_zh,
        means_en,
    )


def _law(articles: str) -> Reference:
    return Reference(
        f"PIPL {articles}",
        f"《个人信息保护法》第 {articles.replace(', ', '、')} 条",
        f"Personal Information Protection Law, Art. {articles}",
    )


NO_PUNISHMENT = _plan(
    "ch. 6 s. 1",
    "第六章第一节",
    "各市推出的個人信用分不能用於失信聯合懲戒",
    "各市推出的个人信用分不能用于失信联合惩戒",
    "The personal credit points that cities introduce cannot be used for joint punishment.",
)
BASIC_SERVICES = _plan(
    "ch. 6 s. 1",
    "第六章第一节",
    "不能限制信用主體享受基本公共服務",
    "不能限制信用主体享受基本公共服务",
    "Nobody's enjoyment of basic public services can be restricted.",
)
NOT_PUBLISHED = _plan(
    "ch. 6 s. 1",
    "第六章第一节",
    "涉及個人的信用信息原則上不公示",
    "涉及个人的信用信息原则上不公示",
    "Credit information about individuals is, in principle, not made public.",
)
AGREED_USE = _plan(
    "ch. 5 s. 3",
    "第五章第三节",
    "依照信用信息主體授權的用途使用信用信息,不用作約定以外的用途",
    "依照信用信息主体授权的用途使用信用信息，不用作约定以外的用途",
    "Credit information is used for the purpose its subject has authorised, and for nothing that was not agreed.",
)
STATE_COUNCIL = Reference(
    "国办发〔2020〕49号", "国办发〔2020〕49 号", "General Office of the State Council, 2020 no. 49"
)
NDRC = Reference(
    "NDRC, 2019-07-18: scores may go with incentives, never punishment",
    "国家发展改革委，2019-07-18：信用分可以用于激励，不能用于惩戒",
    "National Development and Reform Commission, 2019-07-18: scores may go with incentives, never punishment",
)
AI_ACT = Reference(
    "EU AI Act 5(1)(c) as a benchmark",
    "欧盟《人工智能法》第 5 条第 1 款 (c) 项，作为参照",
    "EU AI Act, Art. 5(1)(c), as a benchmark",
)

BARRED_USES: tuple[BarredUse, ...] = (
    BarredUse(
        "joint_punishment",
        "失信联合惩戒",
        "Joint punishment",
        "本系统没有任何负面记录，也没有通往任何惩戒系统的接口，无论传入还是传出。",
        "There is no negative record here and no connector to any punishment system, in either direction.",
        (NO_PUNISHMENT, NDRC),
    ),
    BarredUse(
        "blacklists",
        "黑名单",
        "Blacklists",
        "积分只增不减，没有名单，也没有可以写入负面信息的字段。",
        "Points only add; there is no list, and no field in which anything negative could be written.",
        (NO_PUNISHMENT, STATE_COUNCIL),
    ),
    BarredUse(
        "enforcement",
        "行政执法",
        "Enforcement by authorities",
        "执法机关不在机构种类之列，积分不能作为检查、处罚或从重从轻的依据。",
        "Enforcing authorities are not among the kinds of provider; points cannot bear on an inspection or a penalty.",
        (NO_PUNISHMENT, STATE_COUNCIL),
    ),
    BarredUse(
        "courts",
        "司法与强制执行",
        "Courts and execution of judgments",
        "法院、检察院不在机构种类之列；积分与说明一律不签名，拿出来也证明不了什么。",
        "Courts and prosecutors are absent; points are never signed, so showing them proves nothing.",
        (NO_PUNISHMENT, AGREED_USE),
    ),
    BarredUse(
        "hiring",
        "招聘与晋升",
        "Hiring and promotion",
        "用人单位和招聘机构不在机构种类之列；任何人都无权要求您出示积分。",
        "Employers and recruiters are absent; nobody may ask you to show your points.",
        (AGREED_USE, _law("6")),
    ),
    BarredUse(
        "school_admission",
        "入学与入园",
        "Admission to school or kindergarten",
        "学校和幼儿园不在机构种类之列；条件只能针对出示凭证的成年人本人，不能涉及子女或家人。",
        "Schools are absent; a condition speaks of the adult who presents, never of a child or a relative.",
        (BASIC_SERVICES,),
    ),
    BarredUse(
        "credit",
        "贷款审批与利率",
        "Credit decisions and interest",
        "银行和放贷机构不在机构种类之列；积分不为风险定价，任何凭证都不含分数。",
        "Banks and lenders are absent; points never price a risk, and no token carries a score.",
        (AGREED_USE, _law("24")),
    ),
    BarredUse(
        "insurance",
        "保险承保与定价",
        "Insurance and its pricing",
        "保险机构不在机构种类之列；没有可用于核保或定价的分数接口。",
        "Insurers are absent; there is no interface that would give a score for underwriting or pricing.",
        (AGREED_USE, _law("24")),
    ),
    BarredUse(
        "tenancy",
        "拒租与公共住房",
        "Denial of tenancy, public housing",
        "只能减免已谈妥租约的押金或费用；不能用于选租客、提前看房或公共住房的申请与排序。",
        "Only the deposit or fee of an agreed tenancy can fall; never who gets a home, a viewing or public housing.",
        (BASIC_SERVICES,),
    ),
    BarredUse(
        "surcharge",
        "加价、扣留与拖延",
        "Surcharge, withholding, delay",
        "权益只能在所有人都有的基础上增加；基础待遇变差会自动暂停相关权益。",
        "Effects only add to what everybody gets; making that worse suspends the benefit.",
        (NDRC, AI_ACT),
    ),
    BarredUse(
        "shaming_and_ranking",
        "公示、红榜与排名",
        "Shaming, red lists, ranking, badges",
        "没有名单、排序、百分位或展示类权益；含有分数的姓名不会离开系统。",
        "There is no list, order, percentile or display effect; no name leaves the system with points.",
        (NOT_PUBLISHED, _law("25")),
    ),
    BarredUse(
        "emergency_and_primary_care",
        "急救与基本医疗",
        "Emergency and primary care",
        "急救、基层诊疗、预防接种、孕产与报销都不在服务种类之列。",
        "Emergency and primary care, vaccination, maternity and reimbursement are absent from the kinds of service.",
        (BASIC_SERVICES,),
    ),
    BarredUse(
        "compulsory_education",
        "义务教育",
        "Compulsory education",
        "教育不在服务种类之列，没有可以改变的名额、班级或费用。",
        "Education is not among the kinds of service; there is no place, class or fee to change.",
        (BASIC_SERVICES,),
    ),
    BarredUse(
        "social_insurance_and_assistance",
        "社会保险、社会救助与就业援助",
        "Social insurance, assistance and employment aid",
        "社会保险、救助和就业援助不在服务种类之列，资格、金额和快慢都与积分无关。",
        "They are absent: no entitlement, amount or waiting time can depend on points.",
        (BASIC_SERVICES,),
    ),
    BarredUse(
        "utilities_supply",
        "水、电、热、气与通信供应",
        "Supply of water, power, heat, gas, telecom",
        "供应、停供与复供不在服务种类之列；生活缴费场景只能送达纸质账单和发票。",
        "Supply, cut-off and reconnection are absent; the bills scene can only bring paper bills and invoices.",
        (BASIC_SERVICES,),
    ),
    BarredUse(
        "public_transport_boarding",
        "公共交通乘坐与法定优待",
        "Boarding public transport and statutory concessions",
        "能否上车、法定票价与法定优待不在服务种类之列。",
        "Boarding, statutory fares and statutory concessions are absent.",
        (BASIC_SERVICES,),
    ),
    BarredUse(
        "identity_voting_petitions",
        "身份证件、户籍、选举与信访",
        "Identity documents, household register, voting, petitions",
        "身份证件、户籍、选举和信访不在服务种类之列，也没有这类记录。",
        "They are absent from the kinds of service, and no such record can be written.",
        (BASIC_SERVICES,),
    ),
    BarredUse(
        "collective_scores",
        "集体评分",
        "Collective scores",
        "没有家庭、楼栋、单位或村组的分数；条件语言只能谈出示者本人。",
        "No household, building, workplace or village has points; a condition speaks of the presenter alone.",
        (AGREED_USE, _law("6")),
    ),
    BarredUse(
        "research_advertising_police_requests",
        "研究、广告与警方调取",
        "Research, advertising, police requests",
        "没有这样的用途可供同意，也没有按人查询或批量导出的途径。",
        "There is no such purpose to consent to, and no path to look up a person or export in bulk.",
        (AGREED_USE, _law("6, 14, 23")),
    ),
    BarredUse(
        "inferring_a_low_score",
        "推断低分",
        "Inferring a low score",
        "场所只会知道“适用”；不适用时没有凭证可出示，所有失败都是同一个回答。",
        "A venue learns only that it applies; whoever is not eligible has no handle, and every failure is one answer.",
        (NO_PUNISHMENT, _law("6")),
    ),
    BarredUse(
        "coerced_volunteering",
        "强制志愿服务",
        "Coerced volunteering",
        "记录来源必须声明自愿，并独立于用人单位、房东、学校和刑罚矫正项目，否则不能接入。",
        "A source declares its deeds voluntary and independent of employer, landlord, school and penal programmes.",
        (_law("5, 14"),),
    ),
)
"""What points can never be used for; printed by the public API in this order."""
