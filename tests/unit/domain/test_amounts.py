"""Every form people write a figure in, and what only looks like one."""

from __future__ import annotations

import json
import time
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.extraction.recognizers import measured
from sago.domain import amount_words as words
from sago.domain.amounts import Amount, find_amounts


def read(text: str) -> list[tuple[float, str]]:
    return [(amount.value, amount.unit) for amount in find_amounts(text)]


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [
        ("$1.2M", 1_200_000, "USD"),
        ("450k", 450_000, "count"),
        ("1.116m", 1_116_000, "count"),
        ("€2,3 Mio", 2_300_000, "EUR"),
        ("£300K", 300_000, "GBP"),
        ("₹3.5 crore", 35_000_000, "INR"),
        ("8 million quid", 8_000_000, "GBP"),
        ("USD 5m", 5_000_000, "USD"),
        ("$5M CAD", 5_000_000, "CAD"),
        ("€ 7.986,00", 7986, "EUR"),
        ("$18,442.10", 18442.1, "USD"),
        ("£2 m", 2_000_000, "GBP"),
        ("180억 원", 18_000_000_000, "KRW"),
        ("-$500", -500, "USD"),
        ("143%", 143, "percent"),
        ("(+14%)", 14, "percent"),
        ("twenty-one percent", 21, "percent"),
        ("40 bps", 40, "bps"),
        ("3x", 3, "x"),
        ("41ms", 41, "ms"),
        ("6 h", 6, "hours"),
        ("62-minute", 62, "minutes"),
        ("25,000", 25_000, "count"),
        ("1.512 farms", 1512, "count"),
        ("2 000 000 users", 2_000_000, "count"),
        ("1,00,000", 100_000, "count"),
        ("three years", 3, "years"),
        ("six-week pilot", 6, "weeks"),
        ("two more years", 2, "years"),
        ("a quarter of a million", 250_000, "count"),
        ("half a million", 500_000, "count"),
        ("one and a half million", 1_500_000, "count"),
        ("1.02 MILLION", 1_020_000, "count"),
        ("one million and a half", 1_500_000, "count"),
        ("one half million", 500_000, "count"),
        ("three lakh crore", 3e12, "count"),
        ("75 USD million", 75_000_000, "USD"),
        ("US $10M", 10_000_000, "USD"),
        ("CAD$ 15", 15, "CAD"),
        ("RMB 40m", 40_000_000, "CNY"),
        ("$ 37,305.97 february expenses", 37_305.97, "USD"),
        ("two hundred thousand dollars", 200_000, "USD"),
        ("6,400 sq ft", 6400, "square feet"),
    ],
)
def test_one_figure(text: str, value: float, unit: str) -> None:
    assert read(text) == [(value, unit)]


@pytest.mark.parametrize(
    "text",
    [
        "PR #2291 is up",
        "ticket 8812: how to rotate keys",
        "v1.2, release 5.12.1, Python 3.11",
        "call +49 170 1234567 or (877) 609-2233",
        "founded in 2019, since 2021 profitable",
        "2025-10-06 at 16:20, or Oct 13 at 9am, October 13–24, 3 March 2026",
        "https://example.com/2025/11/04/a-5-story 10.0.0.1",
        "SOC 2 Type II and ISO 27001",
        "123e4567-e89b-12d3-a456-426655440000 inv-2025-0088 a14 p99 4x4 3D",
        "1. first\n2. second",
        "one of them, the 1st and the 22nd",
        "order number 7741903",
        "24/7 on 10/06",
    ],
)
def test_no_figure(text: str) -> None:
    assert find_amounts(text) == []


def test_a_change_has_a_from_and_a_to() -> None:
    low, high = find_amounts("grew from 18 to 34 clinics")
    assert (low.role, high.role) == ("from", "to")


def test_the_low_end_of_a_range_takes_magnitude_and_unit_of_the_high_end() -> None:
    assert read("£6–8m") == [(6e6, "GBP"), (8e6, "GBP")]
    assert read("burn fell 12% to $90k") == [(12, "percent"), (90e3, "USD")]
    assert read("between 5 and 10%") == [(5, "percent"), (10, "percent")]
    assert read("from 90 to 1.2k requests") == [(90, "count"), (1200, "count")]


def test_a_rate_has_a_period() -> None:
    assert [a.period for a in find_amounts("372k/yr, 35k a month, $90 per week, £18k pcm")] == [
        "year",
        "month",
        "week",
        "month",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("down for 3h 10m", [(190, "minutes")]),
        ("6h20 of no quoting", [(380, "minutes")]),
        ("en panne pendant 2h15, réparé à 14h30", [(135, "minutes")]),
        ("back at 14h30", []),
        ("one in five lost what they wrote", [(20, "percent")]),
        ("one in 3 weeks", [(3, "weeks")]),
    ],
)
def test_hours_with_minutes_are_one_length_and_one_in_five_a_share(
    text: str, expected: list[tuple[float, str]]
) -> None:
    assert read(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("one point four million dollars a year", [(1_400_000, "USD")]),
        ("up two point five", [(2.5, "count")]),
        ("zero point three percent", [(0.3, "percent")]),
        ("one point two five million", [(1_250_000, "count")]),
        ("one point twenty-five million euros", [(1_250_000, "EUR")]),
        ("one hundred and four point three ms", [(104.3, "ms")]),
        ("$1 point 4 million", [(1_400_000, "USD")]),
        ("at one point four customers had left", [(4, "count")]),
        ("at one point four million users had left", [(1_400_000, "count")]),
        ("a five point plan, two point releases", [(5, "count"), (2, "count")]),
        ("one and a half point three", []),
    ],
)
def test_decimals_spoken_behind_a_point_are_of_one_figure(text: str, expected: list[tuple[float, str]]) -> None:
    assert read(text) == expected


@pytest.mark.parametrize("text", ["8.2 million", "8.2-9 million", "€8.2M, was 4.94"])
def test_what_is_worked_out_has_no_more_digits_than_were_written(text: str) -> None:
    for amount in find_amounts(text):
        assert amount.value in (8_200_000, 9_000_000, 4_940_000)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("312 k€ HT", [(312_000, "EUR")]),
        ("31,2 MNOK ved utgangen", [(31_200_000, "NOK")]),
        ("640 000 euro over 36 måneder", [(640_000, "EUR"), (36, "months")]),
        ("NOK 850 000 eks. mva.", [(850_000, "NOK")]),
        ("nous avons jeté 1 340 paniers et les œufs à la benne", [(1340, "count")]),
        ("we sold 3 100-seat deals", [(3, "count"), (100, "count")]),
        ("1.000.000 € Umsatz", [(1_000_000, "EUR")]),
        ("1,2 Mio. € Umsatz", [(1_200_000, "EUR")]),
        ("ARR damit 1,824 Mio. €", [(1_824_000, "EUR")]),
        ("un ARR de 1,375 M€", [(1_375_000, "EUR")]),
        ("€1,275 millones", [(1_275_000, "EUR")]),
        ("€1,375 millions", [(1_375_000, "EUR")]),
        ("12,400 Tsd. EUR", [(12_400_000, "EUR")]),
        ("$1,824 million in assets", [(1_824_000_000, "USD")]),
        ("1.824 Mio. €", [(1_824_000, "EUR")]),
        ("R$ 1,9 mi por ano, 18 mil vidas", [(1_900_000, "BRL"), (18_000, "count")]),
        ("$2 mil raised", [(2_000_000, "USD")]),
        ("300 à 500 k€", [(300_000, "EUR"), (500_000, "EUR")]),
        ("2.7 מיליון ש״ח לשנה", [(2_700_000, "ILS")]),
        ("売上は1.2億円です", [(120_000_000, "JPY")]),
        ("huit semaines, drei Jahre", [(8, "weeks"), (3, "years")]),
        ("€ 1.200.000 im Jahr", [(1_200_000, "EUR")]),
        ("seventy million naira", [(70_000_000, "NGN")]),
        ("zero findings, zero chance", [(0, "count")]),
        ("192.168.100.200 and 1.2.3", []),
    ],
)
def test_figures_as_other_languages_write_them(text: str, expected: list[tuple[float, str]]) -> None:
    assert read(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("We closed 5. Won two more.", [(5, "count"), (2, "count")]),
        ("headcount is 40. Pounds are weak", [(40, "count")]),
        ("Closed 3. $2M in ARR", [(3, "count"), (2_000_000, "USD")]),
        ("$2 mil, do announce it by e-mail on acme.com", [(2_000_000, "USD")]),
        ("merged 5 MRs, 3 KRs on track", [(5, "count"), (3, "count")]),
        ("Payment due five days after signing", [(5, "days")]),
        ("Twenty due on Monday", [(20, "count")]),
        ("due half a million", [(500_000, "count")]),
        ("in the first 24h 50 people signed up", [(24, "hours"), (50, "count")]),
        ("Sync is 10h30 on Tuesday", []),
        ("number one in five markets", [(5, "count")]),
        ("1 in 5-10 users", [(1, "count"), (5, "count"), (10, "count")]),
        ("The café chain bought 3 100-seat plans", [(3, "count"), (100, "count")]),
        ("at $15 100 seats were sold", [(15, "USD"), (100, "count")]),
        ("build on 10.200.100 net, route to 192.168.100/24", []),
        ("zero trust went to zero when it broke", []),
    ],
)
def test_english_is_not_read_as_another_language(text: str, expected: list[tuple[float, str]]) -> None:
    assert read(text) == expected


@given(st.lists(st.sampled_from([*words.UNITS, *words.MAGNITUDES, *words.CURRENCY_WORDS, *words.FOREIGN_NUMBERS])))
def test_words_in_letters_that_have_no_plain_small_form_are_no_error(forms: list[str]) -> None:
    text = " ".join(f"5 {form.upper().replace('I', 'İ').replace('S', 'ſ')}" for form in forms)
    assert all(text[amount.start : amount.end] == amount.text for amount in find_amounts(text))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("KR1 MRR at 182k", [(182_000, "count")]),
        ("KR2: ARR hit 2.1M", [(2_100_000, "count")]),
        ("KR 3 slipped, Kr 4 and OKR 2 too", []),
        ("kr1 done, kr 2: open", []),
        ("kr 500, Kr. 1 200 000, kr 2 mill", [(500, "SEK"), (1_200_000, "SEK"), (2_000_000, "SEK")]),
        ("2 mkr, 3 tkr, 4 Mkr, 450 kr.", [(2e6, "SEK"), (3000, "SEK"), (4e6, "SEK"), (450, "SEK")]),
    ],
)
def test_key_results_are_no_crowns(text: str, expected: list[tuple[float, str]]) -> None:
    assert read(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The CEO claims 3 million users signed up", [(3_000_000, "count")]),
        ("she claims 450 000 EUR", [(450_000, "EUR")]),
        ("claims 12 customers", [(12, "count")]),
        ("insurance claims 2000 a month", [(2000, "count")]),
        ("2024 a year to forget, in 2024 monthly churn", []),
        ("Patente 118402, brevet 99120", []),
        ("patente 12 inventos", [(12, "count")]),
        ("phase 3 million, step 2 thousand", []),
    ],
)
def test_only_the_number_of_a_thing_is_its_name(text: str, expected: list[tuple[float, str]]) -> None:
    assert read(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "1분기 매출", "3분야", "5분류", "3分の1", "3분의 1", "3分野", "12分類", "10주년", "3周年", "98年",
        "昭和50年", "令和5年",
        "90年代", "2年生", "30年物", "5年度", "3년차 직원", "2년생", "1.5年前", "1.2주", "2시 30분", "3点30分",
        "14時 30分",
        "오후 3시 45분에", "제3자", "12원칙", "3분석",
    ],
)  # fmt: skip
def test_quarters_anniversaries_and_times_of_day_are_no_lengths(text: str) -> None:
    assert find_amounts(text) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("30분 동안 3주간, 5주일", [(30, "minutes"), (3, "weeks"), (5, "weeks")]),
        ("15분이 걸렸다. 3년간 3배", [(15, "minutes"), (3, "years"), (3, "x")]),
        ("3週間、10年間、期間は3年", [(3, "weeks"), (10, "years"), (3, "years")]),
        ("平均1.5日短縮、90日以内", [(1.5, "days"), (90, "days")]),
        ("100주를 5000원에", [(100, "count"), (5000, "KRW")]),
        ("停止は8時間30分、5시간 30분 동안", [(510, "minutes"), (330, "minutes")]),
        ("100日元", [(100, "JPY")]),
    ],
)
def test_korean_and_japanese_lengths(text: str, expected: list[tuple[float, str]]) -> None:
    assert read(text) == expected


@pytest.mark.parametrize("text", ["高さ30mのタワー", "100m先", "高さ30m です", "30kです", "90sの音楽"])
def test_a_letter_that_a_wide_script_follows_is_no_magnitude(text: str) -> None:
    assert find_amounts(text) == []


def test_units_and_codes_may_have_a_wide_script_behind_them() -> None:
    assert read("41%증가, 500 USDです, $30m 달성, 2.5hの停止") == [
        (41, "percent"), (500, "USD"), (30_000_000, "USD"), (2.5, "hours"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "value", "unit", "scale"),
    [
        ("1億2000万円", 120_000_000, "JPY", 1e8),
        ("12억5000만 원", 1_250_000_000, "KRW", 1e8),
        ("매출 1조 2000억원", 1.2e12, "KRW", 1e12),
        ("ARR 3억 5천만원", 350_000_000, "KRW", 1e8),
        ("5千円", 5000, "JPY", 1e3),
        ("3천만 원", 30_000_000, "KRW", 1e7),
        ("10兆円", 1e13, "JPY", 1e12),
        ("1.5億円", 150_000_000, "JPY", 1e8),
        ("3000万", 30_000_000, "count", 1e4),
        ("¥5億", 500_000_000, "JPY", 1e8),
        ("約2億円", 200_000_000, "JPY", 1e8),
        ("40万元", 400_000, "CNY", 1e4),
        ("5百万円", 5_000_000, "JPY", 1e6),
        ("5천 3백만 원", 53_000_000, "KRW", 1e7),
        ("売上高1兆2,345億円", 1_234_500_000_000, "JPY", 1e12),
        ("1,200억원", 120_000_000_000, "KRW", 1e8),
        ("15만 3000원", 153_000, "KRW", 1e4),
        ("3万5000円", 35_000, "JPY", 1e4),
        ("고객 1만 2000명", 12_000, "count", 1e4),
        ("50만 달러 유치", 500_000, "USD", 1e4),
        ("12.5％", 12.5, "percent", 1),
        ("１２．５％", 12.5, "percent", 1),
        ("５億円", 500_000_000, "JPY", 1e8),
        ("￥１，２００", 1200, "JPY", 1),
    ],
)
def test_eastern_figures_are_one_sum(text: str, value: float, unit: str, scale: float) -> None:
    (amount,) = find_amounts(text)
    assert (amount.value, amount.unit, amount.scale) == (value, unit, scale)
    assert text[amount.start : amount.end] == amount.text


@pytest.mark.parametrize(
    "text",
    ["5만족", "3百貨店", "3만 5억", "1억2천", "1億2", "3万5", "3조", "5천 1200만 원", "300만 불", "3万k", "5，000人"],
)
def test_what_is_no_eastern_sum_is_no_figure(text: str) -> None:
    assert find_amounts(text) == []


def test_an_eastern_range_and_change_share_their_magnitude() -> None:
    assert read("1〜2億円") == [(1e8, "JPY"), (2e8, "JPY")]
    assert read("5~6千万円") == [(5e7, "JPY"), (6e7, "JPY")]
    assert read("3억에서 5억원으로") == [(3e8, "KRW"), (5e8, "KRW")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Fr. 3 Bewerber", [(3, "count")]),
        ("Fr. 300 Gäste", [(300, "count")]),
        ("SFr. 300", [(300, "CHF")]),
        ("Rp 1,5 jt, Rp5jt, Rp 20 juta", [(1_500_000, "IDR"), (5_000_000, "IDR"), (20_000_000, "IDR")]),
        ("omzet 5 jt, 5jt", []),
        ("3 CR open, ₹5 CR, 2 cr", [(50_000_000, "INR"), (20_000_000, "count")]),
        ("5 won, 3 lost", [(5, "count"), (3, "count")]),
        ("50,000 won, five million won", [(50_000, "KRW"), (5_000_000, "KRW")]),
    ],
)
def test_a_word_that_may_be_another_counts_only_where_something_settles_it(
    text: str, expected: list[tuple[float, str]]
) -> None:
    assert read(text) == expected


@pytest.mark.parametrize(
    ("text", "value", "unit", "shared"),
    [
        ("1.200.000 kr", 1_200_000, "SEK", "kr"),
        ("kr 1.200.000", 1_200_000, "SEK", "kr"),
        ("1.200.000 kr.", 1_200_000, "SEK", "kr"),
        ("12.500.000 kroner", 12_500_000, "NOK", "kr"),
        ("2,4 mnkr", 2_400_000, "SEK", "kr"),
        ("3 mill. kr", 3_000_000, "SEK", "kr"),
        ("5 mio. kr.", 5_000_000, "SEK", "kr"),
        ("Rp 15.000.000", 15_000_000, "IDR", ""),
        ("2.300.000 reais", 2_300_000, "BRL", ""),
        ("€ 1.200.000,50", 1_200_000.5, "EUR", ""),
        ("1.200.000円", 1_200_000, "JPY", ""),
    ],
)
def test_a_dotted_number_beside_any_currency_is_money(text: str, value: float, unit: str, shared: str) -> None:
    assert [(amount.value, amount.unit, amount.shared) for amount in find_amounts(text)] == [(value, unit, shared)]


@pytest.mark.parametrize("text", ["version 1.200.300 run", "10.200.100 net", "host 10.200.100.20", "1.20.300 kr"])
def test_a_dotted_number_alone_is_an_address_or_a_version(text: str) -> None:
    assert find_amounts(text) == []


def test_no_word_of_a_language_stands_twice() -> None:
    forms = words.ALSO_IBERIAN.pattern.split("(?:")[1].split(")")[0].split("|")
    assert len(forms) == len(set(forms))


def test_a_figure_without_a_unit_is_bare() -> None:
    money, count = find_amounts("$5 and 5")
    assert (money.bare, money.is_money, count.bare) == (False, True, True)


def test_a_sign_of_several_currencies_is_told_from_a_named_one() -> None:
    assert [amount.shared for amount in find_amounts("$5, US$6, 7 dollars, A$8, 9 USD, 2 mkr, 3 SEK")] == [
        "$", "", "$", "", "", "kr", "",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "figures"),
    [
        ("ARR is $5.31M, up from 4.94 in July", [(5_310_000, "USD"), (4_940_000, "USD")]),
        ("bookings NOK 14.8 million. Q3 last year was 6.1", [(14_800_000, "NOK"), (6_100_000, "NOK")]),
        ("One million, one hundred thousand US dollars", [(1_100_000, "USD")]),
        ("Eighteen million dollars, on seventy pre.", [(18_000_000, "USD"), (70_000_000, "USD")]),
        ("4月の粗利率41%でした。1年前は33%です", [(41, "percent"), (33, "percent")]),
        ("2025年5月19日に契約、期間は3年、月額11万円", [(3, "years"), (110_000, "JPY")]),
        ("5月31日到期不续了，27分→11分", [(27, "minutes"), (11, "minutes")]),
        ("매출이 41%증가, 3개월, 2억원, 1주일 전", [(41, "percent"), (3, "months"), (200_000_000, "KRW")]),
        ("payouts were down for 5 hours 20 minutes, then 1 hour and 5 min", [(320, "minutes"), (65, "minutes")]),
        ("million, obviously. Or a thousand, or thousand users", [(1_000, "count"), (1_000, "count")]),
        ("notices went out at 1650H, 900 cases", [(900, "count")]),
        ("aprovaram!! 640 mil a fundo perdido, aquele que escrevemos na passagem de ano", [(640_000, "count")]),
        ("saiu no diário oficial, página 31. Patente 118402 concedida, cláusula 4", []),
        ("two, three hundred", [(2, "count"), (300, "count")]),
        ("six million usd, 22 pre, they lead", [(6_000_000, "USD"), (22_000_000, "USD")]),
        ("88k monthly actives. October was 61", [(88_000, "count"), (61_000, "count")]),
        ("Hoteles pagó los 180 mil. Empezamos el lunes", [(180_000, "count")]),
        ("3 mil in the bank", [(3_000_000, "count")]),
        ("one board seat, one of us goes", [(1, "count")]),
        ("€2.4m against 1.9 in spring", [(2_400_000, "EUR"), (1_900_000, "EUR")]),
        ("we raised $5M, from 2 to 40 people", [(5_000_000, "USD"), (2, "count"), (40, "count")]),
        ("$5M in all, it was 3 weeks of work", [(5_000_000, "USD"), (3, "weeks")]),
        ("churn fell to 2% from 3", [(2, "percent"), (3, "count")]),
    ],
)
def test_an_earlier_figure_takes_the_magnitude_of_the_later(text: str, figures: list[tuple[float, str]]) -> None:
    assert read(text) == figures


@pytest.mark.parametrize(
    ("text", "figures"),
    [
        ("We closed $3M from 4 angels, signed and wired today", [3_000_000, 4]),
        ("$1.2M contract, won against 3 competitors", [1_200_000, 3]),
        ("We passed 12k users from 8 cities", [12_000, 8]),
        ("$40k MRR from 30 logos", [40_000, 30]),
        ("$8k MRR gone, that was 4 accounts", [8_000, 4]),
        ("$1.2M ARR. Q3 was 2 deals", [1_200_000, 2]),
        ("ARR hit $2M, up from 3 customers a year ago", [2_000_000, 3]),
        ("$12M round, 4 pre-seed funds", [12_000_000, 4]),
        ("$1M on 3 post-launch fixes", [1_000_000, 3]),
        ("We have $2M and 12 post docs", [2_000_000, 12]),
        ("Our Los Altos team signed Globex: $3 mil contract", [3_000_000]),
        ("The Del Monte contract is worth $3 mil", [3_000_000]),
        ("Maria del Pilar leads it: round is $12 mil", [12_000_000]),
        ("one million, five people churned", [1_000_000, 5]),
        ("We passed one thousand, two days early", [1_000, 2]),
        ("three million, half of it from EMEA", [3_000_000]),
        ("gave all 12 a $5k bonus", [12, 5_000]),
        ("Charge 50 a 10% cut", [50, 10]),
        ("We pay each of the 3 a 2k bonus", [3, 2_000]),
        ("signed Mars 40 seats", [40]),
        ("5 and 10 mars bars", [5, 10]),
        ("from 8.50 til 10.05 euro", [8.5, 10.05]),
    ],
)
def test_a_figure_keeps_its_own_magnitude(text: str, figures: list[float]) -> None:
    assert [value for value, _ in read(text)] == figures


@pytest.mark.parametrize(
    "text", ["per 31.08", "vom 03.11 an", "we come on 25 and 26 September", "am 2. und 3. Oktober"]
)
def test_days_are_no_figures(text: str) -> None:
    assert find_amounts(text) == []


def test_offsets_count_code_points() -> None:
    text = "🚀🚀 漢字 MRR é $182k 👩‍👩‍👧 done"
    (amount,) = find_amounts(text)
    assert text[amount.start : amount.end] == amount.text == "$182k"


@given(st.text(alphabet=st.sampled_from(list("0123456789 .,-–/$€%kmx:'()#+aondtw\n\u00a0万"))))
def test_spans_are_ordered_and_quote_the_text(text: str) -> None:
    found = find_amounts(text)
    assert all(text[a.start : a.end] == a.text for a in found)
    assert all(a.end <= b.start for a, b in pairwise(found))


@given(st.integers(1, 10**9))
def test_grouped_digits_are_read_back(value: int) -> None:
    assert read(f"${value:,}") == [(value, "USD")]


@pytest.mark.parametrize(
    "unit",
    [
        "a-",
        "1,",
        "123 ",
        "aaaa-",
        "one and a ",
        "h 1m ",
        "+1 ",
        "May 1 ",
        "0.5.",
        "$",
        "1万",
        "1億 ",
        "1千",
        "1일",
        "５，",
        "kr 1",
        "1.000.",
        "one point two ",
        "1 point 2 ",
    ],
)
def test_time_is_bounded(unit: str) -> None:
    begun = time.process_time()
    find_amounts(unit * (100_000 // len(unit)))
    assert time.process_time() - begun < 20


def load(shared: Path, name: str) -> list[dict[str, object]]:
    text = (shared / "data" / "real" / "recognizers" / name).read_text(encoding="utf-8-sig")
    cases: list[dict[str, object]] = json.loads(text)
    return cases


def overlapping(found: list[Amount], start: int, end: int) -> list[Amount]:
    return [amount for amount in found if amount.start < end and amount.end > start]


def test_figures_of_the_recognizers_corpus(shared: Path) -> None:
    load(shared, "NumberWithUnit/English/CurrencyModel.json")
    money, percent, *_ = measured()
    assert money.united / money.expected > 0.84
    assert money.exact / money.expected > 0.8
    assert percent.united / percent.expected >= 0.5


@pytest.mark.parametrize("name", ["EmailModel", "GUIDModel"])
def test_addresses_of_the_recognizers_corpus_are_no_figures(shared: Path, name: str) -> None:
    for case in load(shared, f"Sequence/English/{name}.json"):
        for result in case["Results"]:  # type: ignore[attr-defined]
            start = str(case["Input"]).find(result["Text"])
            assert not overlapping(find_amounts(str(case["Input"])), start, start + len(result["Text"]))
