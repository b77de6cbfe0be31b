"""What is wrong with a document, by code: what it is, why it matters, what to do. (简体中文, English).

`{names}` are the limits and closed words that came with the finding; nothing that somebody wrote is ever repeated. A
code with `:member` is said of that member alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

Pair = tuple[str, str]

RULE_TEXTS: Mapping[str, Pair] = MappingProxyType(
    {
        "no_improvement": (
            "按照这项服务的基准，权益没有带来任何好处。请换一种权益，或写一个比基准更好的数。",
            "On this service's baseline it improves nothing. Choose another effect, or an amount better than the "
            "baseline.",
        ),
        "baseline_worsened": (
            "人人享有的基准在最近 180 天内曾经更好。请恢复原来的基准，或等满 180 天。",
            "What everybody gets was better within the last 180 days. Put the baseline back, or wait until 180 days "
            "are over.",
        ),
        "baseline_incomplete": (
            "这类服务的基准应写明这一项；没有也请写 0。",
            "For this kind of service the baseline says this, too. Fill it in; write 0 where there is none.",
        ),
        "baseline_unlawful": (
            "公立医院自 2025-03-31 起不得收取门诊预交金，不能以此为基准。请删除押金，或写 0。",
            "Public hospitals may ask for no outpatient prepayment since 2025-03-31; nothing can stand on it. Write 0.",
        ),
        "same_kind_another_name": (
            "该机构已有同类服务，历史随机构和种类而不随名称。请在原服务上修改，或由隐私专员审核。",
            "The provider has this kind of service under another name; its history goes with it. Edit that one, or let "
            "a privacy officer decide.",
        ),
        "service_not_of_provider": (
            "{provider}不提供这类服务，可以提供的是：{offers}。请换服务种类或机构。",
            "This kind of provider ({provider}) offers: {offers}. Choose another kind of service, or another provider.",
        ),
        "client_taken": (
            "这个客户端已代表另一个同类文件；一个客户端只代表一处。请填写另一个客户端。",
            "This client speaks for another document of the kind already, and may speak for one only. Name another "
            "client.",
        ),
        "venue_moved": (
            "场所换了客户端或机构，扫码的将是另一方。请提交，由隐私专员审核。",
            "Somebody else would scan here: another client or provider. Submit it; a privacy officer looks at it.",
        ),
        "provider_changed": (
            "机构的种类决定它能提供什么，不能更改。请另建一个机构。",
            "What a provider may offer hangs on its kind, which stays. Write down another provider instead.",
        ),
        "effect_not_of_service": (
            "这类服务只允许以下权益：{allowed}。请另选一种。",
            "On this kind of service only these are possible: {allowed}. Choose one of them.",
        ),
        "capacity_share": (
            "一项服务的全部权益合计最多占其名额的 {most}%，现已超出。请减少名额。",
            "All benefits of a service together take at most {most} % of its places; this is more. Write fewer places.",
        ),
        "threshold_ladder": (
            "同一机构的同一权益超过 {most} 个门槛，从中可以推知积分。请沿用已有的门槛，或由隐私专员审核。",
            "More than {most} thresholds for one effect at one provider tell the points. Take one that is there, or "
            "let a privacy officer decide.",
        ),
        "condition_out_of_reach": (
            "在方案的上限之内，没有人能达到这么多积分。请降低门槛。",
            "Nobody can have so many points under the scheme's limits. Lower the threshold.",
        ),
        "condition_said_twice": (
            "前面已经写过同样的条件。可以删去这一行。",
            "The same is said before. This line can go.",
        ),
        "condition_implied": (
            "另一个条件已经包含这一要求。可以删去这一行。",
            "Another line asks for this already. This one can go.",
        ),
        "condition_dead_branch": (
            "满足这一行的人必然满足另一行。可以删去这一行。",
            "Whoever meets this meets another line, too. This one can go.",
        ),
        "alternative_missing": (
            "这里等于没有写。请写明不用手机怎么办，以及困难群众不看积分的帮扶。",
            "This says nothing. Say how it goes without a telephone, and what helps those in need without points.",
        ),
        "scheme_backwards": (
            "方案只能从将来某年的 1 月 1 日起实施，本年已公布的不变。请写 {least} 年或以后。",
            "A scheme begins on a 1 January to come; what was announced for this year stays. Write {least} or later.",
        ),
        "scheme_overlap": (
            "该年度已批准另一方案。请换一个年度，或先停用未生效的那一个。",
            "Another scheme was approved for this year already. Choose another year, or call off the one to come.",
        ),
        "service_moved": (
            "服务换了机构或种类，原来的依据不再适用。请提交，由隐私专员审核。",
            "The service is given another provider or kind, so its evidence is another one. Submit it; a privacy "
            "officer looks at it.",
        ),
        "change_not_material": (
            "涉及数据处理的这一条有变化，却标为非实质变更，将无人被重新询问。请改为实质变更，或由隐私专员审核。",
            "What is done with data reads otherwise now, and nobody would be asked anew. Say that the change is "
            "material, or let a privacy officer decide.",
        ),
        "scheme_stopped": (
            "已实施的方案不得停用：已得积分保留到公布的期限。请拟定下一个方案。",
            "A scheme that has begun is not stopped: its points stay until the expiry that was announced. Write the "
            "next scheme.",
        ),
        "not_voluntary": (
            "被迫做的好事不算好事。请确认参与自愿，或由隐私专员审核。",
            "Deeds done under pressure are no good deeds. See that taking part is free, or let a privacy officer "
            "decide.",
        ),
        "not_independent": (
            "来源须独立于用人单位、房东、学校和矫正项目。请换一个来源，或由隐私专员审核。",
            "A source is independent of employers, landlords, schools and penal programmes. Find another, or let a "
            "privacy officer decide.",
        ),
        "prohibited_domain": (
            "文字涉及积分永远不得用于的领域：{domain}。请删去，或改写这段文字。",
            "This speaks of a use that points may never have: {domain}. Take it out, or say it otherwise.",
        ),
        "people_shut_out": (
            "这段文字说某些人不得使用；权益只增不减，不把人排除在外。请改写，或由隐私专员审核。",
            "This tells some people that they may not; a benefit adds, and shuts nobody out. Say it otherwise, or let "
            "a privacy officer decide.",
        ),
        "public_labelling": (
            "这段文字给人贴标签或排名次，使其他人难堪。请删去，或由隐私专员审核。",
            "This marks or ranks people, which shames others. Take it out, or let a privacy officer decide.",
        ),
        "not_in_force": (
            "所引用的文件没有生效，或没有这个编号。请从清单中选择，或先使它生效。",
            "What is named here is not in force, or there is none of this id. Choose one from the list, or bring it "
            "into force first.",
        ),
        "benefit_would_stop": (
            "基准变差：批准后权益“{benefit}”将立即暂停，并由隐私专员审核。",
            "The baseline gets worse: on approval the benefit {benefit} is suspended at once, and a privacy officer "
            "looks at it.",
        ),
        "enum": (
            "只能是清单中的种类之一。请从清单中选择。",
            "Only what the list has can be chosen. Choose one of the list.",
        ),
        "effect_unknown": (
            "权益只能是清单中的几种，每一种都只增不减。请从清单中选择。",
            "Effects are a closed list, each of which only adds. Choose one of the list.",
        ),
        "measure_unknown": (
            "条件只能看总积分或五个维度之一。请从清单中选择。",
            "A condition is about all points, or those of one of the five dimensions. Choose one of the list.",
        ),
        "condition_unknown": (
            "条件只能写成“至少多少分”，或若干条“全部满足”“满足其一”。请用条件栏重新填写。",
            'A condition says "at least so many points", or that all or one of several must be met. Write it anew with '
            "the lines for it.",
        ),
        "out_of_range:percent": (
            "减免须在 1% 到 {most}% 之间；再多，全价就成了惩罚。请写 {most} 以内的整数。",
            "A discount is 1 to {most} percent; beyond it the full price would become a punishment. Write {most} or "
            "less.",
        ),
        "refusal_must_cost_nothing": (
            "告知书须原样写明：“不同意或撤回同意，您不会失去任何东西。”（两种语言）。请补上这句话。",
            'A notice says in these words: "If you refuse or withdraw, you lose nothing.", in both languages. Put the '
            "sentence in.",
        ),
        "kind_outside_category": (
            "来源只能提供其类别之内的记录。请换类别，或去掉类别以外的种类。",
            "A source delivers kinds of its own category only. Choose another category, or leave those kinds out.",
        ),
        "baseline_empty": (
            "没有写明人人享有什么。请至少填写基准的一项。",
            "It is not said what everybody gets. Fill in at least one line of the baseline.",
        ),
    }
)
"""Of what a rule is about."""
FORM_TEXTS: Mapping[str, Pair] = MappingProxyType(
    {
        "missing": (
            "这一项是空的，没有它文件无法读懂。请填写。",
            "This is empty, and without it the document cannot be read. Fill it in.",
        ),
        "required": ("这一项是空的。请填写。", "This is empty. Fill it in."),
        "blank": ("这一项是空的。请填写文字。", "This is blank. Write something."),
        "id_unfit": (
            "编号由 2 到 63 个小写字母、数字和连字符组成，以字母或数字开头（方案的版本可有小数点，如 2027.1）；"
            "new 和 findings 除外。请换一个编号。",
            "An id is 2 to 63 small letters, digits and hyphens, and begins with a letter or digit (a scheme's version "
            "may have a dot, as 2027.1); new and findings are taken. Choose another.",
        ),
        "not_the_id": (
            "编号是文件的名字，改不了。请保留原来的编号，或另建一个文件。",
            "The id is the document's name and stays. Write it as it was, or make a new document.",
        ),
        "unknown_field": (
            "文件中没有这一项。请删去。",
            "A document of this kind has no such member. Leave it out.",
        ),
        "string_pattern_mismatch": (
            "写法不符合要求。请按这一项的格式填写：只用字母、数字和规定的符号。",
            "It is not written as it has to be: letters, digits and the signs that are allowed here. Correct it.",
        ),
        "string_pattern_mismatch:division": (
            "行政区划代码为 2、4 或 6 位数字：21 为省，2101 为市，210102 为区。请改正。",
            "A division is a GB/T 2260 code of 2, 4 or 6 digits: 21 the province, 2101 the city, 210102 the district. "
            "Correct it.",
        ),
        "string_pattern_mismatch:version": (
            "版本写作年份、点和序号，如 2027.1。请改正。",
            "A version is a year, a dot and a number, as 2027.1. Correct it.",
        ),
        "string_pattern_mismatch:assessment_id": (
            "评估编号为 3 到 63 个字母、数字、点、下划线或连字符，如 PIA-2026-001。请改正。",
            "An assessment's number is 3 to 63 letters, digits, dots, underscores and hyphens, as PIA-2026-001. "
            "Correct it.",
        ),
        "string_type": ("这里须为文字。请改正。", "This has to be a text. Correct it."),
        "string_too_long": (
            "文字太长，最多 {max_length} 个字符。请缩短。",
            "The text is too long: at most {max_length} characters. Shorten it.",
        ),
        "int_type": ("这里须为整数，如 30。请改正。", "This has to be a whole number, as 30. Correct it."),
        "integer_expected": ("这里须为整数，如 30。请改正。", "This has to be a whole number, as 30. Correct it."),
        "greater_than_equal": (
            "这个数太小，至少为 {ge}。请改正。",
            "The number is too small: {ge} or more. Correct it.",
        ),
        "less_than_equal": (
            "这个数太大，最多为 {le}。请核对单位。",
            "The number is too large: at most {le}. Check the unit.",
        ),
        "out_of_range": (
            "这个数须在 1 到 {most} 之间。请改正。",
            "The number is from 1 to {most}. Correct it.",
        ),
        "bool_type": ("请选择是或否。", "Choose yes or no."),
        "literal_error": ("请从清单中选择。", "Choose one of the list."),
        "tuple_type": ("这里须为一个清单。请至少填写一项。", "This has to be a list. Fill in at least one."),
        "too_short": ("至少填写 {min_length} 项。请补上。", "It has at least {min_length}. Fill one in."),
        "too_long": ("最多 {max_length} 项。请减少。", "It has at most {max_length}. Take some out."),
        "empty": ("至少填写一项。请补上。", "At least one is needed. Fill one in."),
        "list_expected": ("这里须为一个清单。请重新填写。", "This has to be a list. Write it anew."),
        "object_expected": ("这一部分读不懂。请重新填写。", "This part cannot be read. Write it anew."),
        "model_type": ("这一部分读不懂。请重新填写。", "This part cannot be read. Write it anew."),
        "too_deep": ("条件的层次太多。请写得简单一些。", "The condition has too many levels. Make it simpler."),
        "too_many_parts": ("条件太多。请减少几行。", "The condition has too many lines. Use fewer."),
        "null_forbidden": ("这一项可以不写，但不能为空值。请删去。", "Leave it out instead of null."),
        "invisible_character": (
            "文字中有看不见的字符，会藏住词句。请重新输入这段文字。",
            "The text holds a character that nobody sees, which hides words. Type the text anew.",
        ),
        "line_break": ("名称只能有一行。请去掉换行。", "A name is one line. Take the line break out."),
        "civil_day_expected": (
            "这里须为日期，写作 2027-01-31。请改正。",
            "This has to be a day, written 2027-01-31. Correct it.",
        ),
        "until_before_from": (
            "结束日期早于开始日期。请改正。",
            "The last day is before the first. Correct one.",
        ),
        "in_the_past": ("日期已经过去。请填写今天或以后的日期。", "That day is over. Choose today or a later day."),
        "invalid_date": ("没有这一天。请填写日期，如 2027-01-31。", "There is no such day. Write one, as 2027-01-31."),
        "kinds_repeated": ("每种记录只写一次。请去掉重复的。", "Each kind of record is named once. Take one out."),
        "kind_repeated": (
            "每种记录只有一项指标。请去掉重复的。",
            "Each kind has one indicator. Take one out.",
        ),
        "dimensions_incomplete": (
            "五个维度各写一次上限。请补全。",
            "Each of the five dimensions has its limit, once. Fill them in.",
        ),
        "last_tier_ends": (
            "最后一档没有终点：请把它的“至全年”留空。",
            'The last step has no end: leave its "up to" empty.',
        ),
        "tiers_not_rising": (
            "各档的终点须逐档升高，只有最后一档留空。请改正。",
            'Each step ends above the one before; only the last has no "up to". Correct them.',
        ),
        "units_too_odd": (
            "各档的“每”数没有较小的公倍数，无法精确计算。请写整一些的数。",
            'The numbers of "for every" share no small multiple, so that sums would not be exact. Use rounder ones.',
        ),
        "scheme_invalid": ("方案读不懂。请重新填写。", "The scheme cannot be read. Write it anew."),
        "not_canonical": (
            "其中有无法精确保存的数或文字。请改正。",
            "A number or text in it cannot be kept exactly. Correct it.",
        ),
        "named_twice": ("同一文件出现了两次。请去掉一个。", "The same document is there twice. Take one out."),
    }
)
"""Of what has to be right before any rule can be looked at."""
FALLBACK_TEXT: Pair = (
    "这一项读不懂。请按这类文件的写法改正。",
    "This cannot be read. Correct it as a document of this kind is written.",
)
