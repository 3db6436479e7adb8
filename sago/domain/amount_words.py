"""The words of figures: magnitudes, currencies, units, periods, number words, and what only looks like a figure.

Tables and patterns alone; `sago.domain.amounts` reads them. Currencies: ISO 4217. English, with the words of other
languages that mean nothing else beside a figure. A figure is read right or not at all: a word that may be another is
left out (`once`, `fire`, `Fr.`), or counts only where something settles it (`mil` the language, `jt` and `CR` a
currency, `won` the size). Numbers spelt in another language count only before a unit or a magnitude.
"""

# ruff: noqa: SIM905 - tables of words are read more easily as one string
from __future__ import annotations

import re
from collections.abc import Iterable

GLUED_MAGNITUDES = {"k": 1e3, "m": 1e6, "mm": 1e6, "b": 1e9}
"""Only right behind the digits (or behind a blank where a currency stands before them)."""
JOINED_MAGNITUDES = {"k": 1e3, "t": 1e3, "m": 1e6, "mm": 1e6, "mn": 1e6, "b": 1e9, "bin": 1e3}
"""Only right before a currency: `312 k€`, `31,2 MNOK`, `640 TEUR`."""

MAGNITUDES = {
    "hundred": 1e2, "thousand": 1e3, "grand": 1e3, "tsd": 1e3, "duizend": 1e3, "mille": 1e3,
    "million": 1e6, "millions": 1e6, "mil": 1e6, "mio": 1e6, "mln": 1e6, "mill": 1e6, "miljoen": 1e6,
    "millionen": 1e6, "millones": 1e6, "mn": 1e6,
    "billion": 1e9, "billions": 1e9, "bn": 1e9, "bln": 1e9, "mrd": 1e9, "mld": 1e9, "miljard": 1e9, "milliarden": 1e9,
    "trillion": 1e12, "trillions": 1e12, "tn": 1e12, "trn": 1e12,
    "lakh": 1e5, "lakhs": 1e5, "lac": 1e5, "crore": 1e7, "crores": 1e7, "cr": 1e7,
    "tausend": 1e3, "tusen": 1e3, "tusind": 1e3, "mila": 1e3, "tis": 1e3, "tys": 1e3, "אלף": 1e3, "χιλ": 1e3,
    "χιλιάδες": 1e3, "тыс": 1e3, "millioner": 1e6, "miljoner": 1e6, "millón": 1e6, "millon": 1e6, "milhão": 1e6,
    "milhões": 1e6, "milhoes": 1e6, "milione": 1e6, "milioni": 1e6, "milionů": 1e6, "milióny": 1e6, "miliony": 1e6,
    "milionu": 1e6, "milionów": 1e6, "milyon": 1e6, "מיליון": 1e6, "εκατ": 1e6, "εκατομμύρια": 1e6, "млн": 1e6,
    "milliard": 1e9, "milliards": 1e9, "milyar": 1e9, "млрд": 1e9, "लाख": 1e5, "करोड़": 1e7,
    "juta": 1e6, "miliar": 1e9, "ribu": 1e3, "triệu": 1e6, "tỷ": 1e9,
}  # fmt: skip
DIVIDED = frozenset(
    {"mio", "mln", "miljoen", "millionen", "millones", "millions", "mrd", "mld", "miljard", "milliarden", "millioner",
     "miljoner", "millón", "millon", "milhão", "milhões", "milhoes", "milione", "milioni", "milionů", "milióny",
     "miliony", "milionu", "milionów", "milyon", "εκατ", "εκατομμύρια", "млн", "milliard", "milliards", "milyar",
     "млрд", "juta", "miliar", "triệu", "tỷ"}
)  # fmt: skip
"""Magnitudes of languages whose commas divide. English says `1,824 million`, never `millions`, behind a figure."""
EASTERN_SMALL = {"십": 10, "十": 10, "백": 100, "百": 100, "천": 1000, "千": 1000}
EASTERN_BIG = {"万": 1e4, "萬": 1e4, "만": 1e4, "億": 1e8, "亿": 1e8, "억": 1e8, "兆": 1e12, "조": 1e12}
"""A figure is a sum of them: `1億2000万` is a hundred million and twenty million, `5百万` five hundred times 10,000."""

CURRENCY_SIGNS = {
    "Rs": "INR", "Rs.": "INR", "US$": "USD", "A$": "AUD", "AU$": "AUD",
    "C$": "CAD", "CA$": "CAD", "NZ$": "NZD", "HK$": "HKD", "S$": "SGD",
    "R$": "BRL", "MX$": "MXN", "NT$": "TWD", "$": "USD", "€": "EUR", "£": "GBP", "₹": "INR", "¥": "JPY", "₩": "KRW",
    "₪": "ILS", "₺": "TRY", "₽": "RUB", "₫": "VND", "฿": "THB", "₦": "NGN", "₱": "PHP", "₴": "UAH", "zł": "PLN",
    "KSh": "KES", "Ksh": "KES", "KShs": "KES", "Kshs": "KES", "Kč": "CZK", "rs": "INR", "rs.": "INR", "RS": "INR",
    "Rp": "IDR", "rp": "IDR", "GH₵": "GHS", "₵": "GHS",
    "us$": "USD", "a$": "AUD", "c$": "CAD", "s$": "SGD", "r$": "BRL", "US $": "USD", "U.S.$": "USD", "U.S. $": "USD",
    "HK $": "HKD", "NZ $": "NZD", "Mex$": "MXN", "RMB": "CNY", "USD$": "USD", "usd$": "USD", "AUD$": "AUD",
    "aud$": "AUD", "CAD$": "CAD", "cad$": "CAD", "NZD$": "NZD", "nzd$": "NZD", "HKD$": "HKD", "SGD$": "SGD",
    "MXN$": "MXN", "mxn$": "MXN", "kr": "SEK", "kr.": "SEK", "Kr.": "SEK", "SKr": "SEK",
    "NKr": "NOK", "DKr": "DKK", "SFr.": "CHF",
}  # fmt: skip

ISO_CODES = frozenset(
    "USD EUR GBP INR JPY KRW CNY CHF AUD CAD NZD HKD SGD BRL MXN TWD ILS TRY RUB VND THB NGN PHP UAH PLN SEK NOK DKK "
    "CZK HUF RON ZAR AED SAR QAR KWD BHD EGP MAD KES UGX TZS RWF GHS XOF IDR MYR COP CLP CLF ARS UYU PEN".split()
)

DOLLARS = frozenset({"USD", "AUD", "CAD", "NZD", "HKD", "SGD", "TWD", "MXN", "CLP", "COP", "ARS", "UYU"})
"""The currencies of those who write a plain `$`."""
ANY_DOLLAR = frozenset({"$", "dollar", "dollars", "bucks"})
WON_OR_LOST = frozenset({"won", "rand"})
"""Currencies from a thousand on: `5 won` are deals."""
CROWNS = frozenset({"SEK", "NOK", "DKK"})
"""The currencies of those who write a plain `kr`."""
ANY_CROWN = frozenset({"kr", "kr.", "kroner"})

CURRENCY_WORDS = {
    "dollar": "USD", "dollars": "USD", "us dollars": "USD", "u.s. dollars": "USD", "bucks": "USD", "usd": "USD",
    "euro": "EUR", "euros": "EUR", "eur": "EUR", "pound": "GBP", "pounds": "GBP", "quid": "GBP",
    "pounds sterling": "GBP", "gbp": "GBP", "rupees": "INR", "inr": "INR", "yen": "JPY", "won": "KRW",
    "yuan": "CNY", "rmb": "CNY", "renminbi": "CNY", "swiss francs": "CHF", "chf": "CHF", "reais": "BRL",
    "us dollar": "USD", "american dollars": "USD", "canadian dollar": "CAD", "australian dollar": "AUD",
    "chinese yuan": "CNY", "japanese yen": "JPY", "british pounds": "GBP", "indian rupees": "INR",
    "turkish lira": "TRY", "turkish liras": "TRY", "mexican pesos": "MXN", "swiss franc": "CHF",
    "new zealand dollars": "NZD",
    "canadian dollars": "CAD", "australian dollars": "AUD", "hong kong dollars": "HKD", "singapore dollars": "SGD",
    "shekels": "ILS", "zloty": "PLN", "rand": "ZAR", "円": "JPY", "원": "KRW", "元": "CNY",
    "shekel": "ILS", "ש״ח": "ILS", 'ש"ח': "ILS", "שקל": "ILS", "שקלים": "ILS", "naira": "NGN", "dirham": "AED",
    "dirhams": "AED", "korun": "CZK", "kčs": "CZK", "złotych": "PLN", "tl": "TRY", "lira": "TRY", "shillings": "KES",
    "cedis": "GHS", "baht": "THB", "ringgit": "MYR", "rupiah": "IDR", "franken": "CHF", "dólares": "USD",
    "dolares": "USD", "dollari": "USD", "דולר": "USD", "美元": "USD", "ドル": "USD", "달러": "USD", "ευρώ": "EUR",
    "kroner": "NOK", "kronor": "SEK", "svenska kronor": "SEK", "norske kroner": "NOK", "danske kroner": "DKK",
    "forint": "HUF", "lei": "RON", "đồng": "VND", "рублей": "RUB", "руб": "RUB", "гривень": "UAH", "грн": "UAH",
    "riyals": "SAR", "riyal": "SAR", "schweizer franken": "CHF",
    "엔": "JPY", "위안": "CNY", "港元": "HKD",
    "유로": "EUR", "ユーロ": "EUR", "欧元": "EUR", "人民币": "CNY", "日元": "JPY",
}  # fmt: skip

_UNIT_FORMS = {
    "percent": "% percent percents per_cent pct prozent procent pp pps percentage_points percentage_point"
    " prosent procenta pour_cent por_ciento por_cento per_cento אחוז אחוזים",
    "bps": "bps bp basis_points basis_point",
    "x": "x × fold times 倍 배",
    "ms": "ms msec millis millisecond milliseconds",
    "seconds": "sec secs second seconds sekunden sekunder segundos secondes seconden secondi 秒 秒間 초",
    "minutes": "min mins minute minutes minuten minuter minutter minutos minuti minut dakika 分 分間 分钟 분",
    "hours": "h hr hrs hour hours uur stunden timer horas heures hodin godzin uren saat 時間 小时 시간",
    "days": "day days tage tagen dager dagar días dias jours giorni dní gün dagen 日間 日间 日 天 일간 일",
    "weeks": "week weeks wk wks wochen uker veckor weken semanas semaines settimane týdnů tygodni hafta 週間 주일 주간",
    "months": "mo mos mth mths month months monate monaten måneder månader maanden meses mois mesi měsíců"
    " miesięcy ヶ月 か月 カ月 个月 個月 개월 חודשים",
    "years": "yr yrs year years jahre jahren jaar år años anos ans anni yıl שנים 年 年間 년 년간",
    "kilobytes": "kB kilobytes",
    "megabytes": "MB megabyte megabytes",
    "gigabytes": "GB gigabyte gigabytes",
    "terabytes": "TB terabyte terabytes",
    "petabytes": "PB petabyte petabytes",
    "microseconds": "µs microsecond microseconds",
    "kilometres": "km kilometre kilometres kilometer kilometers",
    "metres": "metre metres meter meters",
    "miles": "mile miles",
    "hectares": "ha hectare hectares",
    "acres": "acre acres",
    "square feet": "sq_ft sqft square_feet",
    "square metres": "m² sqm square_metres square_meters",
    "kilograms": "kg kilogram kilograms kilos",
    "tonnes": "tonne tonnes tons tonnen toneladas טון",
    "litres": "litre litres liter liters",
    "kilowatt-hours": "kWh",
    "megawatt-hours": "MWh",
    "kilowatts": "kW kilowatts",
    "megawatts": "MW megawatts",
    "gigawatts": "GW gigawatts",
    "hertz": "Hz hertz",
    "degrees celsius": "°C degrees_celsius",
}
UNITS = {form.replace("_", " ").lower(): unit for unit, forms in _UNIT_FORMS.items() for form in forms.split()}
GLUED_UNITS = {"s": "seconds", "d": "days", "w": "weeks", "y": "years"}
"""Only right behind the digits and in small letters: `3D`, `5S` are names."""
NEVER_SPACED = frozenset({"x", "mo", "pp", "times"})
"""Units that behind a blank may be another word: `3 x`, `two mo`."""

PERIODS = {
    "month": "month", "mo": "month", "mth": "month", "year": "year", "yr": "year", "annum": "year", "y": "year",
    "quarter": "quarter", "qtr": "quarter", "week": "week", "wk": "week", "day": "day", "hour": "hour", "hr": "hour",
    "minute": "minute", "min": "minute", "second": "second", "sec": "second", "s": "second",
    "mois": "month", "mes": "month", "monat": "month", "mês": "month", "måned": "month", "maand": "month", "an": "year",
    "año": "year", "ano": "year", "jahr": "year", "år": "year", "jaar": "year",
    "monthly": "month", "pcm": "month", "annually": "year", "yearly": "year", "pa": "year", "p.a": "year",
}  # fmt: skip

DIGITS = dict(zip("zero one two three four five six seven eight nine".split(), range(10), strict=True))
TENS = dict(zip("twenty thirty forty fifty sixty seventy eighty ninety".split(), range(20, 100, 10), strict=True))
_TEENS = "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split()
SMALL_NUMBERS = DIGITS | dict(zip(_TEENS, range(10, 20), strict=True)) | TENS
BIG_NUMBERS = {"hundred": 1e2, "thousand": 1e3, "million": 1e6, "billion": 1e9, "trillion": 1e12, "dozen": 12.0,
               "lakh": 1e5, "crore": 1e7}  # fmt: skip
FOREIGN_NUMBERS = {
    word: value
    for value, forms in {
        2: "zwei deux dois duas twee två dva", 3: "drei trois tres três drie tři trzy",
        4: "vier quatre cuatro quatro fyra čtyři cztery", 5: "fünf cinq cinco vijf fem pět pięć",
        6: "sechs seis zes seks šest sześć", 7: "sieben siete zeven sju", 8: "acht huit ocho oito åtte åtta osm",
        9: "neun neuf nueve nove negen", 10: "zehn diez dez tien deset",
        12: "zwölf douze doce twaalf tolv dvanáct",
        18: "achtzehn dieciocho dezoito achttien atten", 20: "zwanzig vingt veinte vinte twintig tjue",
        24: "vierundzwanzig vierentwintig", 30: "dreißig trente treinta trinta dertig tretti",
    }.items()
    for word in forms.split()
}  # fmt: skip
"""Only before a unit or a magnitude: `huit semaines`, `drei Jahre`."""
IBERIAN = re.compile(
    r"(?<![\w.@-])(?:não|una|uma|hoje|hoy|ayer|ontem|já|meses|reais|pesos|años|anos|clientes|usuarios|usuários|millones|para|por"
    r"|nuestro|nosso|nuevos|novos|mañana|amanhã|também|então)(?![\w.@-]*@)(?!\w)",
    re.I,
)
"""Words of Spanish and Portuguese that English lacks."""
ALSO_IBERIAN = re.compile(
    r"(?<![\w.@-])(?:que|del|los|las|el|en|con|dos|fue|foi|muy|pero|más|mais|hasta|desde|cada|semana|lunes|martes|jueves"
    r"|viernes|aquí|está|são|em|ao|ano|año|dia|día|gente|aquele|aquela|minha|meu|nossa|nuestra|esta|este|cem|com|sem"
    r"|pra)(?![\w.@-]*@)(?!\w)"
)
"""Words of theirs in small letters that also stand in names and loans: two different ones tell the language."""
CONTINENTAL = re.compile(
    r"\b(?:le|les|des|une|du|et|est|nous|sur|og|er|det|av|til|på|für|und|der|das|ist|wir|mit|het|een|voor|się|jest|že|se|je|på|att|är)\b",
    re.I,
)
"""Function words of languages that part thousands by a blank."""
PARTS = {"half": 0.5, "quarter": 0.25, "three quarters": 0.75}
"""What a big number may be cut into: `a quarter of a million`."""

MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?"
    r"|nov(?:ember)?|dec(?:ember)?|januari|februari|maart|mei|juni|juli|oktober|dezember|januar|februar|märz)\.?"
)
_FOREIGN_MONTH = (
    r"(?:januar|februar|märz|mai|janvier|février|mars|avril|juin|juillet|août|septembre|octobre|novembre|décembre"
    r"|enero|febrero|marzo|abril|mayo|junio|julio|agosto|septiembre|octubre|noviembre|diciembre"
    r"|janeiro|fevereiro|março|maio|junho|julho|setembro|outubro|novembro|dezembro"
    r"|gennaio|febbraio|aprile|maggio|giugno|luglio|settembre|ottobre|dicembre"
    r"|stycznia|lutego|marca|kwietnia|maja|czerwca|lipca|sierpnia|września|października|listopada|grudnia"
    r"|ocak|şubat|mart|nisan|mayıs|haziran|temmuz|ağustos|eylül|ekim|kasım|aralık)"
)
"""Counts only behind a day: `mars` and `mart` are words of other things."""
_NAMED_BY_NUMBER = (
    "ticket|tickets|pr|prs|issue|bug|case|invoice|order|po|msa|receipt|customer no|page|chapter|section|step|phase|"
    "article|art|no|nr|nos|number|batch|lot|version|ver|rev|release|build|soc|iso|iec|type|level|tier|round|port|error|"
    "line|lines|room|floor|suite|unit|lesson|bus|platform|gate|flight|project|sprint|node|shard|chrome|firefox|safari|"
    "android|ios|windows|python|java|http|https|rfc|postgres|form|exhibit|appendix|directive|regulation|top|episode|"
    "week|day|day-|q|fy|h|cy|tel|phone|fax|id|ref|account|acct|extension|ext|code|pin|zip|track|slide|figure|fig|table|"
    "página|pagina|pág|seite|clause|cláusula|okr|nº|n.º|№"
)
_KOREAN_BEHIND = (
    "간|이|가|을|를|은|는|에|의|로|으로|만에|만|까지|부터|동안|정도|마다|쯤|씩|안|내|후|전|뒤|이상|이하|이나|미만|초과|짜리|넘|걸|밖|뿐"
    "|보다|증가|성장|감소|단축|연속|규모|가량|대|달성|돌파|투자|유치|매출|입니다|이다|이었|였|인데|계약"
)
"""What may be written on behind a Korean unit; `1분기`, `3분야` and `12원칙` are words of their own."""
NO_EASTERN_SUM = re.compile(
    rf"(?<=[십백천만억조])(?=[가-힣])(?!{_KOREAN_BEHIND}|원|엔|달러|유로|위안|명|개|건|대|회|곳|주|표|장|톤|여|인|가구|사용자|고객|유저|좌석|배|년|일|시간)"
    r"|(?<=[百千万])[貨货葉叶能科全度分代歳]|(?<=[십백천만억조])\s?불"
)
"""Behind a magnitude: it begins another word, such as `5만족` or `3百貨店`, or is a currency that no table has."""
_EASTERN = r"(?<![\d.,])\d{1,15}(?:[.,]\d{1,6}){0,4}\s?"
_NO_LENGTHS = (
    rf"{_EASTERN}(?:분|초|배|원|엔|년|일)(?=[가-힣])(?!{_KOREAN_BEHIND})",
    rf"{_EASTERN}[분分](?:의|の|之)\s?\d{{1,6}}",
    rf"{_EASTERN}(?:[周週][年歳]|주년|주차|分[野類类割目析母子音咲]|년[대도생차물산형]|일(?:본|반|부[^터]|정|상)|日[本経常])",
    rf"{_EASTERN}年[代度生物次期目版級级债債産产型卒]|(?<![\d.,])\d{{2}}年(?![間间以])|(?<![\d.,])[5-9]\d년(?!간)",
    r"(?:昭和|平成|令和|大正|明治|民[國国])\s?\d{1,3}年",
    r"(?<![\d.,])\d{1,2}(?:\.\d)?\s?[주周週](?![일간間요])",
)
"""Quarters, fractions, fields, anniversaries, decades, reigns and terms; `3주` is three weeks or shares."""


def _any(forms: Iterable[str]) -> str:
    return "|".join(re.escape(form) for form in sorted(forms, key=len, reverse=True))


_DOTTED = r"\d{1,3}(?:\.\d{3}){2,4}(?:,\d{1,2})?(?![.,]?\d)"
_MONEY_BEFORE = rf"(?-i:(?<![^\W\d_])(?:{_any([*CURRENCY_SIGNS, *ISO_CODES])}))"
_MONEY_BEHIND = rf"(?:(?-i:{_any([*CURRENCY_SIGNS, *ISO_CODES])})|{_any(CURRENCY_WORDS)})(?![^\W\d_])"
_NO_AMOUNTS = "|".join(
    (
        rf"(?P<money>{_MONEY_BEFORE}\s?{_DOTTED}|(?<![\w.,]){_DOTTED}(?=\s?{_MONEY_BEHIND}))",
        r"https?://\S+|www\.\S+|\b[\w.+-]{1,64}@[\w-]{1,64}\.[\w.-]+",
        r"\b[\w-]{1,64}(?:\.[a-z][\w-]{0,64}){1,6}/\S*",
        r"<[@#!][^>\s]{0,80}>|[@#][\w-]{0,64}\d[\w-]{0,64}|:[a-z_]{0,30}\d{1,4}[a-z_]{0,30}:",
        r"\b(?:[0-9a-f]{4,40}-){2,8}[0-9a-f]+\b",
        r"\b[a-z]{1,12}(?:[-_.][a-z0-9]{1,24}){0,5}[-_.]\d[\w.-]*",
        r"\b(?:\d{1,3}\.){2,12}\d+(?:[/:]\d+)?\b",
        r"\b\d{4}[-/.]\d{1,2}(?:[-/.]\d{1,2})?(?:[T ]\d{1,2}:\d{2}(?::\d{2})?\S*)?(?!\w)",
        r"\b\d{1,2}[-/.]\d{1,2}[-/.](?:\d{4}|\d{2})\b",
        r"\b(?:per|am|vom|zum|til|den|fra|dne|dnia|do)\s(?:[0-2]?\d|3[01])\.(?:0[1-9]|1[0-2])\b(?!\s?(?:%|[€$£]|eur|k|m\b|mio|million))",
        r"\b\d{1,4}/\d{1,4}(?:/\d{1,4})?(?!\w)",
        rf"\b{MONTH}\s\d{{1,2}}(?:st|nd|rd|th)?(?:\s?[-–]\s?\d{{1,2}}(?:st|nd|rd|th)?)?(?!\s?%|\w|[.,]\d)"
        r"(?:,?\s(?:19|20)\d\d\b)?",
        rf"\b{MONTH},?\s(?:19|20)\d\d\b",
        rf"(?<!\d[.,])\b\d{{1,2}}(?:st|nd|rd|th)?\.?(?:\s?(?:[-–]|and|or|to|und|et|og|y|e)\s?\d{{1,2}}(?:st|nd|rd|th)?\.?)?"
        rf"\s(?:of\s|de\s)?{MONTH}(?!\w)"
        r"(?:,?\s(?:19|20)\d\d\b)?",
        rf"(?<!\d[.,])\b\d{{1,2}}\.?(?:er|º)?\s(?:de\s)?{_FOREIGN_MONTH}(?!\w|\s[a-z]+s\b)(?:,?\s(?:19|20)\d\d\b)?",
        *_NO_LENGTHS,
        r"(?<![\w.,])(?<!rp)(?<!rp\s)\d{1,6}(?:[.,]\d{1,3})?\s?jt\b",
        r"(?<![\w.,₹])(?<!₹\s)(?<!rs\s)(?<!rs\.)(?<!rs\.\s)(?<!inr\s)\d{1,6}(?:[.,]\d{1,3})?\s(?-i:CRs?)\b",
        r"(?<!\d)(?:(?:19|20)\d\d[年년]\s?)?(?:1[0-2]|[1-9])[月월](?!間)\s?(?:(?:[12]?\d|3[01])[日号일])?",
        r"(?:19|20)\d\d[年년]|(?<![\d.,])(?:[12]?\d|3[01])[日号일](?![間间간])",
        r"(?<![\d.,])[12]?\d(?:[時时시](?![間间간])(?:\s?[0-5]?\d[分분])?|[点點](?:\s?[0-5]?\d分|半))",
        r"(?<![\d.,])\d{1,4}(?:[.,]\d{1,2})?\s?(?:年|か月|ヶ月|个月|週間|周|日|天|년|개월|주일?|일)\s?(?:前|目|전|째)",
        r"\d{1,3}，\d{3}(?!\d)|第\d{1,6}|(?<![가-힣])제\d{1,6}",
        r"\b[0-2]\d[0-5]\d(?-i:[HZ])\b",
        r"\b\d+(?:st|nd|rd|th)\b",
        r"(?<![\w.,$€£])\d{2,4}\([a-z]\)(?:\(\w{1,4}\))*(?!\w)",
        r"\b\d{1,2}:\d{1,2}(?::\d{2})?(?:\s?[ap]\.?m\b)?\w{0,2}",
        r"\b\d{1,2}(?:[.]\d\d)?(?:\s?[-–]\s?\d{1,2})?\s?(?:[ap]\.?m\b|o'?clock|uhr\b"
        r"|(?-i:(?:[PMCEK]S?T|[PMCE]DT|UTC|GMT|CES?T|BST)\b))",
        r"\(\d\)|(?m:^)[ \t]{0,8}\d{1,2}[.)]\s",
        r"(?<![\w.])\+\d{1,3}(?:[ .-]\(?\d{1,8}\)?){2,6}|(?<![\w.])\+\d{9,15}\b",
        r"\b(?:tel|phone|mobile|cell|fax)\w{0,7}\.?(?:\s(?:number|no\.?))?(?:\s?(?:is|:))?\s?[+(]?\s?\d[\d\s()./-]{5,20}",
        r"\(\d{2,4}\)\s?\d{2,5}[-. ]?\d{3,6}|\b\d{4,5}-\d{4}\b|(?<![\w.])\d{3}[-. ]\d{3}[-. ]\d{4}\b",
        r"(?<!\d )\b0[1-9]\d{0,3}(?:[ /-]\d{2,8}){1,4}\b",
        r"\b\d+(?:-\d+){2,}\b|\b\d{2,}-0\d+\b|'\d\d\b",
        r"\b(?:patente|brevet)[.:]?\s?(?:n[º°o.]{1,2}\s?)?\d{5,12}(?!\s?%|\w|[.,]\d)",
        r"(?-i:\bK[Rr]s?)(?:\d{1,2}(?![.,]\d)|\s\d{1,12}(?:[ .,]\d{1,3}){0,4})(?!\w)",
        r"(?<![\d.])(?<![\d.]\s)\bkr\.?\s?\d(?!\w|[.,]\d|[ ]\d{3}|\s(?:mi|tusen|mr?d|mn|[kmb]\b))",
        rf"\b(?:{_NAMED_BY_NUMBER})[.:]?\s?[#]?\d{{1,12}}(?:\.\d{{1,4}}){{0,4}}(?:[-/]\w{{1,12}}){{0,4}}"
        r"(?!\s?%|\w|[.,]\d)",
    )
)
_NO_BEGINNING = r"(?!(?<=[^\W\d_])[a-gi-vx-z]|(?<=[^\n])[ \t])"
"""Inside of a word, and at a blank, none of these begins: so most of a text is passed over at once."""
NOT_AMOUNTS = f"{_NO_BEGINNING}(?:{_NO_AMOUNTS})"
YEAR = re.compile(r"(?:19[5-9]|20[0-4])\d\Z")
PART_BEHIND = re.compile(
    r"[\s-]+(?:hal(?:f|ves)|thirds?|quarters?|fourths?|(?:fif|six|seven|eigh|nin|ten)ths?|first|second|over|out\sof)\b",
    re.I,
)
"""Behind a number word: it is part of a fraction or an ordinal, and no figure of its own."""
ONE_OF = re.compile(r"\s(?:more\s)?(?:board|observer|director)\s?(?:seats?|member|observer)?\b", re.I)
"""Behind `one`: there it is a figure."""
VALUATION_BEHIND = re.compile(r"\s(?:pre|post)(?:[ -]money)?(?=\s*(?:\Z|[,.;:!?)\n]|valuation))", re.I)
_SEASON = r"spring|summer|autumn|fall|winter|new year"
NOTHING_COUNTED = re.compile(
    rf"\s*(?:\Z|[,;:!?)\n]|\.(?!\d)|(?:in\s)?(?:{MONTH}|q[1-4]\b|h[12]\b|(?:19|20)\d\d\b|{_SEASON})"
    r"|(?:the|a)\s(?:year|month|quarter)\s(?:before|ago)|last\s(?:year|month|quarter)|in\sthe\s(?:half|year|quarter)\sbefore)",
    re.I,
)
"""Behind an earlier figure: it says no more than its number, or when it was."""
TIMES_PAST = (
    rf"(?:last|previous|prior) (?:year|month|quarter|week)|year ago|(?:the )?(?:year|month|quarter|week) before"
    rf"|before it|q[1-4]|h[12]|{MONTH}"
)
WAS = r"(?:was|were|had been|había sido|était|war|var|era)(?: at)?"
THEN_WAS = re.compile(rf"\b(?:{TIMES_PAST})\s?{WAS}\s(?:[~≈]|about\s|around\s)?\Z", re.I)
AFTER_YEAR = re.compile(r"\s+(?!(?:was|is|has|this|as|sees)\b)[a-z]{3,}s\b")
"""A plural noun behind: `2000 users` is a count, `2024 was` a year."""
A_RATE = re.compile(r"\d\s?(?:/|(?:per|each|every)\s|an?\s(?:hour|day|week|month))", re.I)
"""`2000 a month` is no year; `2024 a year of growth` is one."""
BEFORE_YEAR = re.compile(
    r"\b(?:in|since|by|until|during|of|from|before|after|late|early|mid|year|for|end|to)\W{1,2}$", re.I
)
