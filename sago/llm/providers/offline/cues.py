"""The words that betray each type of event, strongest type first. General talk of start-ups, no names."""

from __future__ import annotations

import re
from typing import NamedTuple

from sago.domain.events import EventType as E


class Cue(NamedTuple):
    """A pattern of done things; `kind` tells events of one type apart, `needs` what must stand beside it."""

    event_type: E
    kind: str
    pattern: re.Pattern[str]
    needs: str = ""
    """`figure`, `name`, `name or figure`, `name or role`, `size` (a figure or a named round), or nothing."""
    wish: bool = False
    """A wish is the event itself: an investor who wants to see more."""
    language: str = ""
    """That of the words, where it is not English; the pattern's group `who` names the customer then."""


ROLE = (
    r"(?:c[a-z]o|chief [a-z]+(?: [a-z]+)? officer|vp|svp|evp|vice president|head|director|principal|"
    r"staff|lead|president|general manager|"
    r"founding|controller|general counsel|managing director|country manager)\b"
)
_ROUND = r"(?:pre-?seed|seed|series [a-f]|bridge|extension|safe|convertible|round|raise)"
_SIGNED = r"(?:signed|countersigned|counter-signed|executed|inked|closed|finali[sz]ed|sealed)"
_STANDARD = (
    r"(?:soc ?2|soc ?ii|iso ?\d{4,5}|iso/iec|hipaa|gdpr|pci(?:[ -]dss)?|fedramp|hitrust|"
    r"cyber essentials|isms[\w-]*|tisax|ce[ -]mark\w*|fda|"
    r"type[ -]examination|conformity|certificat\w+|certified|accreditation|attestation|licen[cs]e|"
    r"pen(?:etration)? test|audit)"
)
_PASSED = (
    r"(?:passed|pass|granted|issued|received|obtained|achieved|awarded|approved|cleared|completed?|"
    r"in hand|came through|through|"
    r"no (?:exceptions|findings|non-?conformities)|zero (?:exceptions|findings|non-?conformities)|"
    r"clean|positive result|done|got|earned|attached|here|official|arrived|valid)"
)
_INVESTOR = (
    r"(?:partners?(?:hip)? meeting|full partnership|(?:all|the|their|two|three) partners|"
    r"investment committee|\bic\b|due diligence|diligence|"
    r"data ?room|dd (?:list|questions|request)|cohort (?:data|file|analysis)|investors?|\bvcs?\b|"
    r"\bfund\b|ventures|capital\b|growth equity|term sheet)"
)
_METRIC = (
    r"(?:mrr|arr|nrr|ndr|grr|revenue|bookings|retention|margin|dau|mau|wau|active \w+|conversion|nps|"
    r"usage|users|sign-?ups|csat|runway)"
)
_MEASURED = (
    r"\b(?:p50|p90|p95|p99(?:\.9)?|latency|throughput|accuracy|precision|recall|f1|rmse|mape|sensitivity|"
    r"false (?:alarms?|positives?|negatives?)|(?:word )?error rate|benchmark|load test|concurrent|qps|rps|tps|"
    r"(?:requests?|events?|messages?) ?(?:/s|per second|a second)|cold start|inference|uptime|median|"
    r"(?:sync|build|query|response|processing|load) time)\b"
)
_BETTER = (
    r"(?:from \S+ ?\w* to|down (?:to|from)|cut|dropped|fell|improved|held|reached|hit|faster|sustained?|now|measured|"
    r"went|zero|gets|was (?:about |around |~)?\d[\d.]*|instead of|handles?|handled|processed|passed)\b"
)
_LAPSE = r"[\d.,]+ ?(?:ms|s|secs?|seconds?|mins?|minutes?|h|hrs?|hours?|days?)\b"
_PLACE_AFTER = r"(?-i:[A-Z][\w'’\u00c0-\u024f]+)"


def _c(event_type: E, kind: str, pattern: str, needs: str = "", *, wish: bool = False) -> Cue:
    return Cue(event_type, kind, re.compile(pattern, re.I | re.S), needs, wish)


CUES: tuple[Cue, ...] = (
    _c(
        E.SETBACK,
        "churn",
        r"\b(?:(?:is|are|was) ?n[o']t|isnt|won'?t|will not|did ?n[o']t|decided not to|declined to|"
        r"not)\s(?:be\s)?(?:renew\w*|extend\w* (?:the|their) contract)|\bchurned\b|\bcancell?ed (?:the|"
        r"their|its|our) (?:contract|subscription|account|plan|renewal)|\b(?:is|are) (?:churning|"
        r"leaving us|moving off)|\bgave notice\b.{0,30}\bcontract|"
        r"\bterminated (?:the|their|its|our) (?:contract|agreement)"
        r"|\b(?-i:[A-Z])[\w&'’-]+ (?:has |have |just )*cancell?ed\b[^.!?]{0,40}\b(?:arr|mrr)\b"
        r"|\b(?:arr|mrr),? (?:is |are )?(?:now |all )?gone\b",
    ),
    _c(
        E.SETBACK,
        "lost deal",
        r"\b(?:we |we've |just |also |have |i )?(?:lost|losing)\s(?:the |our |their |a |an |"
        r"out on )?(?:[\w&'’-]+\s){0,4}?(?:deal|tender|bid|account|contract|customer|opportunity|pitch|"
        r"rfp)\b|\b(?:went with|chose|picked|signed with|awarded to|going with)\s(?:a |the |"
        r"our )?(?:competitor|rival|someone else|another vendor|(?-i:[A-Z])\w+ (?:instead|over us))|"
        r"\bwe(?:'ve| have| also)? lost (?-i:[A-Z])|\b(?:deal|tender|bid|contract)\b.{0,60}\b(?:went to|"
        r"lost to|goes to)\b|\b(?-i:[A-Z])\w+ (?:chose|picked|went with) (?-i:[A-Z])\w+|"
        r"\bwent the other way\b|\bregret to inform\b|\bunsuccessful on this occasion\b",
    ),
    _c(
        E.SETBACK,
        "outage",
        r"\boutages?\b|\b(?:was|were|went|been|is) (?:completely |fully |hard )?down\b(?! to\b| from\b|"
        r" \d+ ?%)(?=.{0,60}(?:\bmin|\bhour|\d ?h\b|\bcustomers?|\bcouldn|\bfor\b))|\bdowntime\b|"
        r"\bcould ?n[o']t (?:connect|log ?in|access|reach)|\b(?:was|were) broken\b(?=.{0,60}\d)|"
        r"\bdata loss\b|\blost (?:customer )?data\b",
    ),
    _c(
        E.SETBACK,
        "breach",
        r"\b(?:data|security|privacy) (?:breach|leak|incident)|\bbreach(?:ed)?\b(?! of contract)|"
        r"\bleaked\b|\bunauthori[sz]ed access\b|\b(?:wrong|incorrect) (?:addresses|recipients?|patients?|"
        r"customers?)\b|\bexposed\b.{0,30}\b(?:data|records|customers|users|keys|credentials)|"
        r"\breported (?:it |this )?to the (?:ico|dpa|regulator)|\bransomware\b",
    ),
    _c(
        E.SETBACK,
        "lawsuit",
        r"\blawsuit\b|\b(?:is |are |was |were |has |have |been )?(?:suing|sued)\b|\b(?:was|were|been|"
        r"got) served\b|\balleges?\b|\bclaims? .{0,20}\bin damages\b|\bcease and desist\b|"
        r"\bpatent infringement\b",
    ),
    _c(
        E.SETBACK,
        "layoffs",
        r"\blaid off\b|\blay-?offs?\b|\bredundan(?:t|cy|cies)\b|\blet (?:\w+ ){1,3}go\b|"
        r"\bcost .{0,40}\btheir jobs?\b|\breduction in force\b|\brestructur(?:e|ed|"
        r"ing)\b(?=.{0,80}(?:role|job|team|people|colleague))",
    ),
    _c(
        E.SETBACK,
        "departure",
        rf"\b(?:resigned|has quit|handed in (?:his|her|their) notice|gave notice|stepp(?:ed|ing) down|"
        rf"is leaving (?:us|the company)|left the company|is leaving)\b(?=.{{0,120}})|\b(?:our|"
        rf"the) {ROLE}.{{0,30}}\b(?:is leaving|quit|resigned|left)\b",
        "name or role",
    ),
    _c(
        E.SETBACK,
        "recall",
        r"\brecall(?:s|ed|ing)?\b(?=.{0,80}\b(?:units?|sensors?|devices?|batch|products?|customers?|\d))",
    ),
    _c(
        E.SETBACK,
        "fall",
        rf"\b{_METRIC}\b[^.;]{{0,60}}?\b(?:fell|dropped|slid|slipped|declined|shrank|sank|tanked|decreased|"
        rf"went down|is down|was down|are down|down (?:to|from|by)|went from|worsened)\b|\b(?:fell|"
        rf"drop(?:ped)?|slid|slipped|decline[d]?|decreased)\b[^.;]{{0,30}}\b{_METRIC}\b|\b(?:churn|"
        rf"burn)\b[^.;]{{0,30}}?\b(?:rose|jumped|climbed|increased|went up|spiked|up to|is up|went from)\b",
        "figure",
    ),
    _c(
        E.FUNDING,
        "term sheet",
        r"\bterm[- ]?sheet\b(?=.{0,80}(?:\bfrom\b|\bsigned\b|\breceived\b|\bin\b|\bhere\b|\barrived\b|"
        r"\?\?|\$|€|£))|\b(?:received|got|signed|have|sent us|countersigned)\b.{0,30}\bterm[- ]?sheet\b",
    ),
    _c(
        E.FUNDING,
        "round",
        rf"\b(?:{_SIGNED}|raised|secured|completed|oversubscribed)\b.{{0,60}}\b{_ROUND}\b|"
        rf"\b{_ROUND}\b.{{0,30}}\b(?:is |has |was |officially |now |just )*(?:{_SIGNED}|done|complete|"
        rf"oversubscribed|raised)\b|\bwe(?:'ve| have| just)? raised\b|\bwires? (?:is|are|has|have|just|"
        rf"all)? ?(?:in|landed|hit|cleared|arrived)\b|\bfunds? (?:have )?(?:landed|hit the (?:bank|"
        rf"account))\b|\bround\b.{{0,40}}\bcommitted\b|\bcommitted\b.{{0,40}}\b(?:round|bridge|seed)\b",
        "size",
    ),
    _c(
        E.FUNDING,
        "grant",
        r"\bgrant\b.{0,60}\b(?:awarded|signed|approved|granted|won|got|received|confirmed|through|ours|selected|"
        r"successful)\b|\b(?:awarded|won|got|received|selected|granted|approved)\b.{0,60}\bgrant\b|"
        r"\b(?:funding|award) of up to\b|\bwe got (?:the )?(?-i:[A-Z]\w+) (?:accelerator|grant)",
    ),
    _c(
        E.FUNDING,
        "debt",
        r"\b(?:venture debt|loan|credit (?:line|facility)|debt facility|revolver)\b.{0,60}\b(?:signed|"
        r"closed|approved|drawn|paid out|in place|received|granted)\b|\b(?:signed|closed|drew|"
        r"secured)\b.{0,40}\b(?:venture debt|loan|credit (?:line|facility)|debt facility)\b",
        "figure",
    ),
    _c(
        E.PARTNERSHIP,
        "partnership",
        rf"\b(?:{_SIGNED}|agreed|announced|live|official|entered into)\b.{{0,80}}\b(?:partnership|"
        rf"partner agreement|reseller|referral (?:partner|agreement)|(?:integration|technology|channel|"
        rf"distribution|preload|oem|alliance)(?: partner)?(?: distribution)? (?:agreement|contract|deal|"
        rf"partner)|alliance|co-sell)\b|\b(?:partnership|reseller (?:agreement|contract|deal)|"
        rf"(?:integration|partner|distribution|oem|alliance|channel|preload)[\w ]{{0,24}} agreement|"
        rf"alliance)\b.{{0,60}}\b(?:{_SIGNED}|live|official|in place)\b|\bpartnered with\b|"
        rf"\bare now (?:an? )?(?:official |certified )?(?:\w+ )?partners?\b",
        "name",
    ),
    _c(
        E.HIRING,
        "hire",
        rf"\b(?:accepted|signed)\b.{{0,30}}\b(?:offer|contract)\b(?=.{{0,160}}\b{ROLE})|"
        rf"\b{ROLE}.{{0,80}}\b(?:accepted|signed (?:her|his|their|the|our)|has joined|joined|starts? (?:on|"
        rf"today|monday|with)|started (?:today|this|on|last|as))|\b(?:accepted|joins|joined|joining|starts|"
        rf"started|starting|hired|welcome)\b[^.;]{{0,80}}\b(?:as|our|new|to be)\b[^.;]{{0,30}}\b{ROLE}|"
        rf"\b(?-i:[A-Z]\w+) (?:[A-Z]\w+ )?(?:has )?accepted\b(?!.{{0,20}}(?:invite|invitation|terms|pr\b))",
    ),
    _c(
        E.HIRING,
        "team size",
        r"\b(?:team|headcount|we)\b.{0,20}\b(?:is|are|now|reached|hit|passed|crossed|"
        r"grew to)\b.{0,16}\b\d+ (?:people|employees|strong|folks|fte)|\bheadcount\b.{0,20}\b(?:is|now|at|"
        r"reached|hit|grew to|:)\s",
        "figure",
    ),
    _c(
        E.COMPLIANCE,
        "certificate",
        rf"\b{_STANDARD}\b.{{0,120}}\b{_PASSED}\b|\b{_PASSED}\b.{{0,60}}\b{_STANDARD}\b|\b(?:are|is|now|"
        rf"officially) (?:soc ?2|iso ?\d{{4,5}}|hipaa|gdpr|pci|isms\S*)[\w ]{{0,12}} (?:certified|"
        rf"compliant)",
    ),
    _c(
        E.MEDIA_COVERAGE,
        "award",
        r"\b(?:won|winner|wins|awarded|named|selected|shortlist won)\b.{0,60}\b(?:awards?|prize|best of|"
        r"app of the year|startup of the year|top \d+|\d+ under \d+|winner|fast ?50|cool vendor|"
        r"leader in)\b|\bbest of \d{4} winner\b|\b(?:award|prize)\b.{0,40}\b(?:winner|won|is ours|"
        r"goes to us)\b",
    ),
    _c(
        E.MEDIA_COVERAGE,
        "article",
        r"\bwe(?:'re| are|re| made it)\b (?:finally |now |on |featured )*(?:in|"
        r"on) (?:the )?(?-i:[A-Z][\w.]+)(?=\W+[\"“”'😳🎉🔥🥳]|.{0,80}https?:)|\b(?:article|feature|story|"
        r"piece|profile|interview|write-?up|page|pages|segment|episode)\b.{0,50}\b(?:on|about|with) (?:us|"
        r"our|the company|(?-i:[A-Z]\w+))\b(?=.{0,80}\b(?:out|live|published|today|ran|up|in)\b)|"
        r"\b(?:wrote about|covered|profiled|featured|ran .{0,30} (?:on|about)) us\b|\b(?:published|ran|"
        r"printed|aired|did)\b.{0,50}\b(?:article|feature|story|piece|profile|interview|pages?)\b|"
        r"\bfeatured in\b|\b(?:page|article|feature|piece|story|interview|column)s?\b.{0,30}\b(?:about|"
        r"on) us\b|\b(?:have|has|they) (?:run|published|printed) (?:it|us|our)\b|\b(?:\d|one|two|full|"
        r"double|half)-page (?:feature|article|story|spread)",
        "name",
    ),
    _c(
        E.CUSTOMER_SUCCESS,
        "reference",
        r"\b(?:reference (?:calls?|customer)|be(?:ing)? a reference|case study|testimonial|"
        r"success story)\b(?=.{0,200})|\bsaved (?:us|them|me) (?:about |around |over |roughly |nearly |"
        r"~ ?)?(?=\S{0,3} ?\d)|\b(?:saved|saving)\b.{0,60}\b(?:with|thanks to|using|because of|"
        r"since) (?:us|our|you|your|the)\b",
        "name or figure",
    ),
    _c(
        E.CUSTOMER_SUCCESS,
        "result",
        r"\b(?:since (?:moving|switching|using|we|adopting|going live|they)|thanks to (?:us|you|your|the|"
        r"our)|with (?:your|our) (?:app|product|platform|tool|system|alarm|alert\w*)|using (?:us|you|your|"
        r"our|(?-i:[A-Z]\w+))|after (?:moving|switching) (?:to|onto))\b.{0,160}\d|"
        r"\d.{0,160}\b(?:since (?:moving|switching|using|we (?:moved|switched|started)|adopting|"
        r"going live|they)|thanks to (?:us|you|your|the|our)|because of (?:us|you|your))\b|"
        r"\b(?:did-not-attend|no-?show|error|incident|accident|waste|handling time|response time|fraud|"
        r"onboarding time)s?\b.{0,40}\b(?:down|reduced|cut|fell|dropped)\b.{0,30}\d"
        r"|\b(?:wrote|says?|said|reports?|reported|told us|tells us)\b.{0,120}"
        r"\b(?:fell|dropped|down|cut|rose|up|"
        r"increased|faster|shorter|fewer|less|more|higher|lower)\b.{0,20}\d+ ?%"
        r"|\b(?:their|they|its|theirs)\b.{0,80}\d+ ?%.{0,40}\bsince\b",
        "figure",
    ),
    _c(
        E.INVESTOR_INTEREST,
        "interest",
        rf"\b(?:asked|asks|asking|wants?|would (?:like|love)|requested|invited|keen|sent|started|starting|"
        rf"begun|began|kicked off|met|meeting|grill\w+|looking at|interested|send|open|"
        rf"opened)\b.{{0,100}}\b{_INVESTOR}|\b{_INVESTOR}.{{0,80}}\b(?:asked|asks|wants?|would (?:like|"
        rf"love)|requested|invited|keen|sent|started|begins?|began|kicked off|has begun|under ?way|met|"
        rf"reached out)\b",
        wish=True,
    ),
    _c(
        E.MARKET_EXPANSION,
        "place",
        rf"\b(?:live|launched|launch|open(?:ed)?|available|started (?:selling|operations)|"
        rf"first (?:paying )?customers?|rolled out|expanded|selling)\b (?:(?:now|today|officially|"
        rf"for business|up and running|an? (?:new |first |sales )?office|our (?:\w+ )?(?:office|"
        rf"hub))\s){{0,2}}(?:in|into|to)\s(?:the )?{_PLACE_AFTER}|\b(?:opened|signed the lease (?:on|"
        rf"for))\b.{{0,20}}\b(?:office|hub|subsidiary)\b|\b(?:office|hub|"
        rf"subsidiary)\b.{{0,40}}\b(?:is open|opened|up and running|is live)\b|\b{_PLACE_AFTER} (?:went|is|"
        rf"are) live\b(?=.{{0,80}}\b(?:currency|language|local|country|payments|ui|market|region))|"
        rf"\bentered the {_PLACE_AFTER} market\b|\bnow (?:live |available )?in \w+ (?:countries|languages|"
        rf"markets|states)\b",
    ),
    _c(
        E.ENTERPRISE_DEAL,
        "pilot",
        r"\bpilot\b.{0,40}\b(?:kicked off|started|starts|is live|live|began|begins|signed|is on|"
        r"under ?way|paid)\b|\b(?:paid|paying)\b.{0,40}\b(?:pilot|poc|proof of concept)\b|\b(?:signed|"
        r"started|kicked off|began|launched|bought)\b.{0,40}\b(?:pilot|poc)\b",
        "figure",
    ),
    _c(
        E.ENTERPRISE_DEAL,
        "expansion",
        r"\b(?:renewed|re-?signed|renewal(?:['’]s| is| came)? (?:back|signed|in|done|closed|through)|"
        r"expanded (?:to|from|their|its|the)|upgraded to|upsold|upsell(?=:)|extended (?:the|their|its|our) contract|"
        r"went from \d[\d,.]* to \d[\d,.]* (?:seats|nodes|users|licen\w+|sites|clinics|stores|units|"
        r"devices|locations))\b",
    ),
    _c(
        E.ENTERPRISE_DEAL,
        "contract",
        r"\b(?:signed|countersigned|counter-signed|inked)\b(?!\s(?:up|off|out|in with|my|your)\b)"
        r"|\b(?:closed|landed|won(?!['’]t)|sealed)\s(?:the |a |an |our |that |with )?(?:\w+ ){0,2}?"
        r"(?:deal|contract|account|customer|logo|renewal|tender|bid|rfp|\d+[- ]seats?|(?-i:[A-Z])[\w&.-]+)"
        r"|\b(?:purchase order|order form|\bpo\b|\bmsa\b)\b.{0,60}\b(?:executed|signed|in (?:my|our|"
        r"the) inbox|came in|is in|landed|received|"
        r"attached|arrived)|\b(?:fully executed|countersigned)\b|\bclosed[- ]won\b"
        r"|\b(?:is|are) (?:now )?(?:a|our newest|our new) (?:paying )?customer\b"
        r"|\b(?:contract|agreement|deal)\b.{0,40}\b(?:signed|executed|closed|done|is in)\b",
        "name or figure",
    ),
    _c(
        E.PRODUCT_LAUNCH,
        "launch",
        r"(?-i:\bGA\b(?!\s+\d))|\bgenerally available\b|\b(?:launched|shipped|released|rolled out|switched on|"
        r"turned on|enabled|live|out|available|on)\b (?:now |today |as of \S+ )*(?:to|for|in) (?:all|"
        r"every|everyone|everybody|each|the public|our customers|customers|100 ?%|any ?one)\b|"
        r"\b(?:everyone|everybody|every (?:workspace|customer|user|account|team)|all (?:customers|users|"
        r"accounts|workspaces|plans))\b.{0,20}\b(?:has|have|can use|gets|got|on) (?:it|them|access|now)\b|"
        r"\b(?:we |just |have |has |was |is |officially |publicly |been ){1,6}(?:launched|shipped|released)\b|"
        r"\b(?:launch|release) (?:is|went) (?:live|out|public)\b|\b(?:is|are|went|now) (?:officially |"
        r"finally |now )?live\b(?! in\b)(?=.{0,60}\b(?:customers?|users|production|everyone|web|ios|"
        r"android|app store|today)\b)|\bon product hunt\b",
    ),
    _c(
        E.TECHNICAL_ACHIEVEMENT,
        "patent",
        r"\bpatent\b.{0,40}\b(?:granted|issued|approved|awarded|allowed)\b|\b(?:granted|"
        r"awarded)\b.{0,20}\bpatent\b",
    ),
    _c(
        E.TECHNICAL_ACHIEVEMENT,
        "measure",
        rf"{_MEASURED}(?=.{{0,120}}\b{_BETTER})|\b{_BETTER}.{{0,60}}{_MEASURED}"
        rf"|\bfrom {_LAPSE}.{{0,12}}\bto (?:about |under |just )?{_LAPSE}",
        "figure",
    ),
    _c(
        E.REVENUE_MILESTONE,
        "profit",
        r"\b(?:are|we['’]re|were|is|turned|hit|reached|became|now|been|"
        r"first)\W+(?:\w+\W+){0,3}?(?:profitable|cash[- ]flow positive|break-?even|in the black)\b|"
        r"\bbroke even\b|\b(?:first (?:ever )?(?:revenue|paying customer|dollar))\b",
    ),
)
