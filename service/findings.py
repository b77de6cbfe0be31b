"""What the gate says, in the languages of people: a sentence for each of its codes, the rule's own for all others."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

RULES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "R1": ("积分只增不减；方案只对将来生效。", "Points only add; schemes work forward only."),
        "R2": ("条件只能是“至少”，只看出示者本人的积分。", 'Conditions are only "at least", about whoever presents.'),
        "R3": ("权益只能在基准之上增加，不得有任何一项变差。", "Effects only add to what everybody gets."),
        "R4": (
            "每项权益都建立在人人享有的基准之上，基准不得变差。",
            "A benefit stands on a baseline that got no worse.",
        ),
        "R5": ("机构和服务的种类是封闭清单，清单之外不可写入。", "Kinds of providers and services are closed lists."),
        "R6": ("场所只知道“适用”，不得推知积分。", "A venue learns that it applies, and nothing else."),
        "R9": ("同意须单独、自愿，不得作为任何事的前提。", "A consent is separate and free, and never required."),
        "R10": ("不得挤占他人：占用的容量有上限。", "Nobody is displaced: capacity taken has a limit."),
        "R11": ("记录种类是封闭且正面的；来源须自愿、独立。", "Records are positive, of closed kinds, freely given."),
        "R13": ("公开文字不得涉及被禁止的用途或给人贴标签。", "Texts speak of no barred use and label nobody."),
        "R14": ("每项权益都要有线下途径和不看积分的困难帮扶。", "An offline path and help without points are named."),
    }
)
"""The rules of the gate: (简体中文, English)."""
CLAUSES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "R1": ("规划第六章第一节：不能用于失信联合惩戒", "Plan, ch. 6 s. 1: points serve no joint punishment"),
        "R2": ("规划第六章第一节；个人信息保护法第 24 条", "Plan, ch. 6 s. 1; PIPL 24: nobody is treated worse"),
        "R3": ("规划第六章第一节：不能限制享受基本公共服务", "Plan, ch. 6 s. 1: basic public services stay open"),
        "R4": ("规划第六章第一节：不能限制享受基本公共服务", "Plan, ch. 6 s. 1: basic public services stay open"),
        "R5": ("国办发〔2020〕49 号；规划第六章第一节", "State Council 2020 no. 49; plan, ch. 6 s. 1"),
        "R6": ("规划第六章第一节：原则上不公示", "Plan, ch. 6 s. 1: in principle not made public"),
        "R9": ("个人信息保护法第 14、15、16 条", "PIPL 14, 15, 16: free, as easily withdrawn, never required"),
        "R10": ("规划第六章第一节：不能限制享受基本公共服务", "Plan, ch. 6 s. 1: basic public services stay open"),
        "R11": ("规划第六章第一节；个人信息保护法第 6 条", "Plan, ch. 6 s. 1; PIPL 6: the least data, freely given"),
        "R13": ("规划第五章第三节：不用作约定以外的用途", "Plan, ch. 5 s. 3: for the agreed purpose alone"),
        "R14": ("国办发〔2020〕45 号：不得以扫码为唯一途径", "State Council 2020 no. 45: no code is the only way"),
    }
)
"""Where each rule comes from: (简体中文, English). docs/policy.md has the whole table."""
SENTENCES: Mapping[str, str] = MappingProxyType(
    {
        "no_improvement": "权益必须在至少一项上严格优于基准，且没有一项更差。",
        "baseline_worsened": "人人享有的基准在最近 180 天内曾经更好。",
        "baseline_incomplete": "该类服务应写明的项目没有写全；没有也要写明。",
        "baseline_unlawful": "公立医院自 2025-03-31 起不得收取门诊预交金，不能以此为基准。",
        "same_kind_another_name": "该机构已有同类服务；换名不换历史。",
        "service_not_of_provider": "这类机构不提供这类服务。",
        "client_taken": "这个客户端已代表另一个同类文件。",
        "venue_moved": "场所改换了客户端或机构：须由隐私专员审核。",
        "provider_changed": "机构的种类决定它能提供什么；换种类就是另一个机构。",
        "effect_not_of_service": "这类服务不允许这种权益。",
        "capacity_share": "一项服务的全部权益合计最多占用其容量的 20%。",
        "threshold_ladder": "同一机构的同一权益超过两个门槛，会泄露积分。",
        "condition_out_of_reach": "在方案的上限之内，没有人能达到这么多积分。",
        "condition_said_twice": "前面已经写过同样的条件。",
        "condition_implied": "另一个条件已经包含这一要求。",
        "condition_dead_branch": "满足这一支的人必然满足另一支。",
        "alternative_missing": "请写明不用手机怎么办，以及困难群众不看积分的帮扶。",
        "scheme_backwards": "方案只能从将来某年 1 月 1 日起实施；本年已公布的不变。",
        "scheme_overlap": "该年度已批准另一方案。",
        "service_moved": "服务改换了机构或种类，须重新核验依据。",
        "change_not_material": "涉及数据处理的条款有变化，却标为非实质变更：须由隐私专员审核。",
        "scheme_stopped": "已实施的方案不得停用：已得积分保留到公布的期限。",
        "not_voluntary": "被迫做的好事不算好事：须由隐私专员审核。",
        "not_independent": "来源须独立于用人单位、房东、学校和矫正项目：须由隐私专员审核。",
        "prohibited_domain": "文字涉及积分永远不得用于的领域。",
        "public_labelling": "公开给人贴标签，会使没有标签的人难堪。",
        "not_in_force": "所引用的文件没有生效。",
        "enum": "只能是清单中的种类之一。",
        "missing": "缺少必填项。",
        "unknown_field": "没有这一项。",
    }
)
"""The Chinese sentences of codes; English ones come with the finding."""


def sentence(code: str, rule: str, detail: str, language: str) -> str:
    """The finding's sentence in the reader's language; `detail` is the English one."""
    if language == "en":
        return detail
    return SENTENCES.get(code) or RULES[rule][0]
