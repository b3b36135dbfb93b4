"""Cases written by topic: the corners of the language definition that no systematic product reaches."""

import json
from collections.abc import Iterator

from tests.integration.expressions.cases import Case

NUMBERS = r"""
0 00 007 1_000 1__0 _1 1_ 0x 0xG 0x1F 0X1f 0x_1F 0x1_F 0b101 0B101 0b2 0b 0o17 0O17 0o8 0o 017 08 0.5 .5 5. 5.e1 1.5.2 1..2
1e3 1E3 1e+3 1e-3 1e 1e+ 1.e3 .5e1 1_0.5_0 1e1_0 0x1p4 0x1e3 1e400 1e-400 9223372036854775807 9223372036854775808
-9223372036854775808 -9223372036854775809 0xFFFFFFFFFFFFFFFF 0x7fffffffffffffff 18446744073709551615 0.1 1e20 1e21
1e22 123456789.125 1e6 1e-5 0.00001 0.000001 0.0000001 100000000000000000000 100000000000000000000.0 3.0 -0 -0.0 0.0
1.7976931348623157e308 5e-324 4.9406564584124654e-324 2.2250738585072014e-308 123456789012345678 0.1+0.2 1/3 2/3.0
1/0 -1/0 0/0 0.0/0 1%0 1.5%1 5%-3 -5%3 7%2.0 i%0 i%5 neg%2 2**3 2^3 2**-1 2**0.5 -2**2 (-2)**2 2**3**2 2^3^2 0**0 (-8)**(1/3)
2**63 2**64 2**1024 9223372036854775807+1 -9223372036854775807-2 9223372036854775807*2 -(-9223372036854775807-1)
9223372036854775807+1.0 1+1 1+1.0 1-1 1-0.5 2*3 2*1.5 6/2 7/2 7/2.0 -7/2 1_000_000*1_000_000 i+1 i+1.5 i*2 i/2 i-1 f+1
--1 +-1 -+1 ++1 - - 1 !true !!true not\ not\ true 1- -1 1--1 1+-1 -i -f -neg +i 1.0 10.50 1e5 1e15 1e16 1e17 1e18
abs(-9223372036854775807-1) int("9223372036854775808") int("0x10") int("1_000") int("+5") int("-5") int("5.0") int(1e30)
int(-1.9) int(1.9) int("") int("\ 1") float("1e5") float("0x1p-2") float("inf") float("-Inf") float("NaN") float("nan")
float("infinity") float("1_000") float(".5") float("5.") float("1e400") float("") float("+1.5") float("\ 1") float("1f")
string(1) string(1.0) string(1.5) string(1e20) string(1e21) string(1e-4) string(1e-5) string(0.1) string(1e100)
string(123456789.0) string(12345678.9) string(-0.0) string(1/3) string(float("inf")) string(float("-inf"))
string(float("nan")) string(float(16777217)) string(huge) string(tiny) string(max53) max53 huge tiny f i
round(0.5) round(1.5) round(2.5) round(-0.5) round(-1.5) round(0.49999999999999994) round(4503599627370497.5) round(1e300)
ceil(-0.5) floor(-0.5) ceil(1) floor(i) round("1") ceil(float("inf")) floor(float("nan")) abs(-0.0) abs(float("-inf"))
bitand(5,3) bitor(5,3) bitxor(5,3) bitnand(5,3) bitnot(5) bitnot(-1) bitshl(1,62) bitshl(1,63) bitshl(1,64) bitshl(1,-1)
bitshr(-8,1) bitshr(-8,70) bitushr(-8,1) bitushr(-8,64) bitushr(-1,63) bitand(i,3) bitand(int(i),3) bitshl(1,200) bitshr(1,-1)
1.5.foo 1.foo 1.Year() 0x10.5 1in[1] 1.0in[1] 1not\ in[2] 1or\ 2 2.. 2..  ..2 1...3 1..3..5 1.5..3 "1".."3" i..45 1..f
1..1 -2..2 3..1 0..9 len(1..1000000) len(1..1000001) len(0..1000000) len(-500000..500000) sum(1..1000) 1..10000000000
(1..3)[1] 1..3[1] len(1..i) 1..i 5 in 1..10 i in 1..50 1.0 in 1..3 f in 1..3 "a" in 1..3 -1 in 0..5 i not in 1..3
1==1.0 1<1.5 1.0<=1 i==42 i==42.0 i>f i>=42 neg<0 1<2<3 3>2>1 1==1==true 1!=2!=true nil<1 "a"<"b"<"c" true<false
0.1+0.2==0.3 0.3==0.3 9007199254740993==9007199254740992.0 max53==9007199254740992 9223372036854775807==9223372036854775807.0
1e3==1000 0.0==-0.0 float("nan")==float("nan") float("nan")<1 float("nan")>1 float("inf")>1e308 [1]==[1.0] {"a":1}=={"a":1.0}
[1,2.5] [1,[2]] 1.0+2 3-1.0 2*0.5 type(1) type(1.0) type(1/1) type(2**1) type(5%2) type(i) type(-i) type(int(i)) type(-1)
"""

STRINGS = r"""
"a" 'a' `a` "a'b" 'a"b' `a"b'c` "a\"b" 'a\'b' `a\nb` "\n\t\r\a\b\f\v\\" "\x41" "\x4" "\xZZ" "\xff" "\u00e9" "\u00e" "\U0001F600"
"\U00110000" "\ud800" "\101" "\377" "\400" "\08" "\0" "\q" "\/" "é" "日本語" "😀" "a`b" "" '' `` "unclosed 'unclosed `unclosed "\
"\'" '\"' "\`" b"" b'' b"abc" b'abc' b"\xff\x00" b"\u00e9" b"é" b"\101" b"\n" b`abc` B"abc" b"abc"[0] b"abc"[1:] len(b"abc") b"a"+b"b"
b"a"==b"a" b"a"!=b"b" string(b"abc") string(b"\xff") type(b"a") b"a"=="a" [b"a"] toJSON(b"abc") "a"+b"b" b"a"<b"b" 97\ in\ b"abc"
b"abc"\ contains\ b"a" toBase64(b"a") b"abc"|len() first(b"abc") reverse(b"ab") map(b"ab",#) filter(b"ab",#>97) sum(b"ab") max(b"ab")
"héllo"[1] text[1] text[7] text[7:9] text[7:] text[:8] text[-1] text[-4:] text[100] text[100:] text[-100] text[-100:3] text[3:1]
"abc"[0] "abc"[1:2] "abc"[:-1] "abc"[-2:] "abc"[5:] "abc"["a"] text["a"] text[1.5] text[nil] text[true] text[i] text?.[0] text.a text?.a
len(text) len("") len("日本語") len("é") len("\xff") len("e\u0301") text|len() "abc".len() "a"+"b" "a"+1 text+1 text+"!" "a"*3 "a"-"b"
"a"<"b" "a"<"B" "é"<"z" "a"<="a" "10"<"9" ""<"a" "a"<"aa" text<"I" text==text text!="x" "\xff"=="\ufffd" "é"=="e\u0301"
"ab"\ contains\ "b" "ab"\ contains\ "" ""\ contains\ "" "ab"\ startsWith\ "a" "ab"\ endsWith\ "b" text\ contains\ "ö" not("a"\ contains\ "a")
"abc"\ not\ contains\ "z" "abc"\ not\ startsWith\ "z" "abc"\ not\ endsWith\ "c" "a"\ in\ "abc" "a"\ in\ text "a"\ in\ ["a"] "name"\ in\ users[0]
upper("héß") lower("HÉ") upper("ǆ") upper("ŉ") upper("ﬁ") lower("İ") lower("ΑΣ") upper("ı") lower("K") upper("µ") upper("ÿ") lower("ẞ") upper("ß")
upper("\xff") lower("\xffA") upper("aé😀") trim("\u00a0a\u2003") trim("\u200ba") trim("\ufeffa") trim("\u0085a") trim("\u180ea") trim("\u001ca")
trim("\t\n\v\f\ra") trim("xxaxx","x") trim("xyaYx","xy") trim("abc","") trim("éaé","é") trim("\xffa\xff","\xff") trim("日a本","日本")
trimPrefix("ab","a") trimPrefix("ab","b") trimPrefix("\ ab") trimPrefix("ab","") trimSuffix("ab","b") trimSuffix("ab\ ") trimSuffix("ab","x")
split("a,b,c",",") split("a,b,c",",",2) split("a,b",",",0) split("a,b",",",-1) split("a,b",",",1) split("héy","") split("héy","",2) split("","") split("",",")
split("abc","") split("aXbX","X") split("a\ b\ \ c","\ ") split("a,b",",",1.5) split("a,b",",",f) split("a,b",",",i) split("a,b",",","2") split("\xffa","")
splitAfter("a,b,c",",") splitAfter("a,b,c",",",2) splitAfter("a,b",",",0) splitAfter("abc","") splitAfter("",",") splitAfter("abc","",2)
replace("aaa","a","b") replace("aaa","a","b",2) replace("aaa","a","b",0) replace("aaa","a","b",-1) replace("abc","","-") replace("abc","","-",2) replace("日本","","-")
replace("","","x") replace("aaa","aa","b") replace("abc","b","") replace("a","a","b",f) replace("a","a","b","1") replace("aXa","a","aa")
repeat("ab",3) repeat("ab",0) repeat("ab",-1) repeat("",5) repeat("a",1.5) repeat("a",f) repeat("a",i) repeat("ab","3") len(repeat("a",1000000)) len(repeat("a",1000001))
len(repeat("ab",600000)) len(repeat("",1000001)) len(repeat(repeat("a",1000),1001)) repeat("a",nothing) join(["a","b"]) join(["a","b"],",") join([],",") join([1,2],",") join(tags) join(words,"-")
join(split("a,b",","),"-") join(mixed) join("ab") join(text) join(1..3) join(tags,1) join(nothing) join([nil]) join({}) join(["a",nil],",") join(map(tags,#+"!"),"\ ")
indexOf("abc","b") indexOf("abc","z") indexOf("abc","") indexOf("héllo","l") indexOf("","") lastIndexOf("abcabc","b") lastIndexOf("abc","") lastIndexOf("abc","z") lastIndexOf("ééé","é")
hasPrefix("abc","a") hasPrefix("abc","") hasSuffix("abc","c") hasSuffix("abc","") text|upper|lower text|upper() text|split(",")|first()|trim() "a,b"|split(",")
"%d" "\u{41}" "\u{1F600}" "\u{}" "\u{110000}" "\N" "tab	tab" "\
" `multi
line` "multi
line" '\x27' "\x22" "\u0000" "\x00" string("\x00") toJSON("\x00\x1f\x7f\u2028<>&\"\\\/é😀\xff") toJSON("\t\n\r\b\f\v")
""" + "\n".join(f'"\\{chr(code)}"' for code in range(33, 127) if chr(code) not in " ")

STRING_CALLS = r"""
string(nil) string(true) string([]) string([1,"a",nil,1.5,[2],{"a":1}]) string({}) string({"b":1,"a":[1]}) string(1..3) string(tags) string(map)
string(users) string(nested) string(mixed) string(nils) string(split("a b c"," ")) string(toPairs({"a":1})) string(fromPairs([["a",1]]))
string(fromPairs([[1,"a"],["b",2],[1.5,3],[true,4]])) string(groupBy([1,2,3],#%2)) string(date("2024-02-29")) string(duration("90m"))
string([duration("90m"),date("2024-02-29")]) string({"d":duration("1s")}) string(timezone("UTC")) string(date("2024-02-29").Month()) string(b"ab")
string([b"ab"]) string({"a":b"ab"}) string("a b") string(["a b",""]) string([[]]) string([{}]) string(text) string(1==1) string(text[0]) string([text[0]])
string(date("2024-02-29").Weekday()) string([date("2024-02-29").Weekday()]) string($env["one"]) string([1e21,1e20,1e-5,0.1]) string({"x":1e21})
string(huge) string([nil]) string({"a":nil}) string(fromJSON("{\"b\":{\"y\":1,\"x\":[1,null]}}")) string(map(tags,#)) string(filter(tags,true))
string(sort([2,1])) string(-1) string(now) type(nil) type([]) type({}) type(1..3) type("a") type(true) type(now()) type(duration("1s")) type(timezone("UTC"))
type(date("2024-01-01").Month()) type(date("2024-01-01").Weekday()) type(text[0]) type(b"a") type(b"a"[0]) type(tags) type(map) type(nothing)
type(missing) type(groupBy([1],#)) type(toPairs({})) type(split("a","b")) type(type) type(len) type(date("2024-01-01").Year) type(fromPairs([]))
type(first([])) type(date("2024-01-01")-date("2024-01-01")) type([1][0]) type(keys({})) type(sum([1])) type(sum([])) type(mean([])) type(max([]))
"""

DATES = (
    "2023-08-14", "2024-02-29", "2023-02-29", "0000-01-01", "9999-12-31", "10000-01-01", "1969-12-31", "2023-8-14", "2023-08-14 ",
    " 2023-08-14", "15:04:05", "15:04:05.123", "15:04", "24:00:00", "23:59:60", "2023-08-14 15:04:05", "2023-08-14 15:04:05.5",
    "2023-08-14 15:04:05,25", "2023-08-14 5:04:05", "2023-08-14 15:4:5", "2023-08-14T15:04:05Z", "2023-08-14T15:04:05+02:00",
    "2023-08-14T15:04:05-07:30", "2023-08-14T15:04:05.123456789Z", "2023-08-14T15:04:05.1234567891Z", "2023-08-14T15:04:05,5Z",
    "2023-08-14t15:04:05z", "2023-08-14T15:04:05", "2023-08-14T15:04Z", "2023-08-14T15:04:05+0200", "2023-08-14T15:04:05+24:00",
    "2023-08-14T15:04:05+25:00", "2023-08-14T15:04:05+02:60", "2023-08-14T24:00:00Z", "2023-13-14T15:04:05Z", "2023-00-14",
    "2023-01-00", "2023-01-32", "2023-04-31", "14 Aug 23 15:04 UTC", "14 Aug 23 15:04 CEST", "14 Aug 70 15:04 GMT",
    "14 Aug 68 15:04 PST", "14 Aug 69 15:04 EST", "14 August 23 15:04 UTC", "4 Aug 23 15:04 UTC", "14 aug 23 15:04 UTC",
    "Monday, 14-Aug-23 15:04:05 UTC", "Tuesday, 14-Aug-23 15:04:05 UTC", "Monday, 14-Aug-23 15:04:05 MST",
    "Mon, 14 Aug 2023 15:04:05 UTC", "Mon, 14 Aug 2023 15:04:05 GMT", "Mon, 14 Aug 2023 15:04:05 CET", "Mon, 4 Aug 2023 15:04:05 UTC",
    "Mon, 14 Aug 2023 15:04:05 +0200", "Mon, 14 Aug 2023 15:04:05 GMT+3", "Mon, 14 Aug 2023 15:04:05 +03", "", "today", "2023", "1692000000",
    "Mon, 14 Aug 2023 15:04:05 ChST", "Mon, 14 Aug 2023 15:04:05 MeST", "Mon, 14 Aug 2023 15:04:05 WITA", "Mon, 14 Aug 2023 15:04:05 ABCDE",
)  # fmt: skip

LAYOUTS = (
    ("2023-08-14", "2006-01-02"), ("14/08/2023", "02/01/2006"), ("8/4/23", "1/2/06"), ("Aug  4 2023", "Jan _2 2006"), ("Aug 14 2023", "Jan _2 2006"),
    ("August 4, 2023", "January 2, 2006"), ("Mon Aug 14", "Mon Jan 2"), ("Monday", "Monday"), ("226", "002"), ("2023-226", "2006-002"), ("2023 226", "2006 __2"),
    ("2023   6", "2006 __2"), ("3:04PM", "3:04PM"), ("03:04 pm", "03:04 pm"), ("12:00AM", "3:04PM"), ("12:00PM", "3:04PM"), ("13:00PM", "3:04PM"), ("3PM", "3PM"), ("15h", "15h"),
    ("15:04:05.123", "15:04:05.000"), ("15:04:05.12", "15:04:05.000"), ("15:04:05.12", "15:04:05.999"), ("15:04:05", "15:04:05.999"), ("15:04:05,123", "15:04:05,000"),
    ("20230814T150405Z", "20060102T150405Z0700"), ("20230814T150405+0200", "20060102T150405Z0700"), ("20230814150405", "20060102150405"),
    ("+02:00", "-07:00"), ("+0200", "-0700"), ("+02", "-07"), ("Z", "Z07:00"), ("-07:30:15", "-07:00:00"), ("+013000", "-070000"), ("Z", "Z070000"), ("UTC", "MST"), ("CEST", "MST"), ("GMT+3", "MST"),
    ("2023-08-14 extra", "2006-01-02"), ("2023-08", "2006-01-02"), ("x2023", "x2006"), ("2023", ""), ("", ""), ("literal", "literal"), ("Mon Jan  2 15:04:05 2006", "Mon Jan _2 15:04:05 2006"),
    ("Mon Jan  2 15:04:05 MST 2006", "Mon Jan _2 15:04:05 MST 2006"), ("Mon Jan 02 15:04:05 -0700 2006", "Mon Jan 02 15:04:05 -0700 2006"),
    ("1", "2"), ("31", "2"), ("32", "2"), ("0", "2"), ("01", "1"), ("13", "1"), ("5", "5"), ("65", "5"), ("Sept", "Jan"), ("sep", "Jan"), ("SEPTEMBER", "January"),
)  # fmt: skip

FORMATS = (
    "2006-01-02", "2006-1-2", "06-Jan-_2", "January Monday", "Mon Jan _2 15:04:05 2006", "3:04PM", "3:04pm", "03:04:05.000", "15:4:5", "15:04:05.999999999", "15:04:05.999", "05.000000", "5,000", "05,999",
    "002 __2", "MST -0700 -07:00 -07 Z0700 Z07:00 Z07", "-070000 -07:00:00 Z070000 Z07:00:00", "", "plain", "20060102150405", "Jan", "Janitor", "Monday", "Mon", "Month", "1 2 3 4 5 6 7", "01 02 03 04 05 06 07",
    "PM pm", "AM am", ".000", "000", "2006-01-02T15:04:05.999999999Z07:00", "_2006", "_2", "__2", "2 Jan 2006", "é2006日", "15h04m05s", "0000", "200", "20067", "006", "Jan2", "MSTX",
)  # fmt: skip

DURATIONS = (
    "1h", "90m", "1.5h", "1h30m", "1m30s", "100ms", "1us", "1µs", "1μs", "1ns", "0", "0s", "-1h", "+1h", "-0", "1", "", "h", "1d", "1h 30m", ".5s", "1.s", ".s", "1.5.5s", "1e3s", "-1h-30m", "1H", "1h1h",
    "9223372036854775807ns", "9223372036854775808ns", "-9223372036854775808ns", "2562047h47m16.854775807s", "2562048h", "0.0000000001s", "0.9999999999ns", "1.23456789012345678901h", "3000000h", "1h60m", "1ms1us1ns",
    " 1h", "1h ", "--1h", "1_000s", "0.1ns", "1.0000000001s", "99999999999999999999s", "00001h", "1h0m0s",
)  # fmt: skip

ZONES = (
    "UTC", "", "Local", "Europe/Zurich", "europe/zurich", "America/New_York", "Asia/Kolkata", "Asia/Kathmandu", "Nope/Nowhere", "EST", "EST5EDT", "GMT", "Etc/GMT+5", "CET", "../UTC", "Europe", "/etc/passwd", "Europe/Zurich/",
    "US/Pacific", "Z", "PST", "Australia/Lord_Howe", "Pacific/Kiritimati", "Africa/Monrovia", "zone.tab", "posix/UTC", "right/UTC", "\\x00", "Europe\\Zurich",
)  # fmt: skip

JSON_TEXTS = (
    "null", "true", "1", "1.5", "-0", "1e5", "1E400", "01", "1.", ".5", "+1", "-", "NaN", "Infinity", '"a"', '"\\u00e9"', '"\\ud83d\\ude00"', '"\\ud83d"', '"\\udc00a"', '"\\x41"', '"\t"', '"a', "[]", "[1,]", "[1 2]", "[,]", "{}", '{"a":1,}',
    "{a:1}", "{'a':1}", '{"a":1,"a":2}', '{"a":{"b":[1,2,{"c":null}]}}', " [1] ", "[1] x", "", " ", "nul", "tru", "TRUE", "123456789012345678901234567890", "9007199254740993", "1e-400", "0.1", "1e21", "[1e21,0.000001,1e-7]", "\ufeff1", "[1]//c",
    '{"b":1,"a":2}', '"\u2028"', '["<>&"]', "\x0b1", "-0.0", "1e+5", "1e", "--1", '"\\"', '"\\/"', '"\\b\\f\\n\\r\\t"', "[[[[]]]]", '{"":0}', '"\x7f"', "[1,[2,[3]]]", "\u00a01",
)  # fmt: skip

BASE64_TEXTS = (
    "", "aGVsbG8=", "aGVsbG8", "aGVsbG8==", "aGVs", "aGVs\n", "aG\nVs", "aG Vs", "a", "ab", "ab==", "abc=", "abc", "ab=c", "====", "=", "-_8=", "+/8=", "/+8=", "YWJj\r\n", "gICA", "////", "ab==ab==", "ab=\n=", "!!!!", "YQ==", "YR==", "ÿ",
)  # fmt: skip

PATTERNS = (
    "", "a", "^a$", "a.c", "a|b", "(a)(b)", "(?:a)", "(?i)HELLO", "(?s)a.b", "(?m)^b", "(?P<n>a)", "(?<n>a)", "(?<!a)b", "(?=a)", "(a)\\1", "[a-z]+", "[^a-z]", "[[:alpha:]]", "[[:foo:]]", "\\d+", "\\w", "\\s", "\\b", "\\B", "\\pL", "\\p{Greek}", "\\p{Foo}",
    "\\PL", "\\x41", "\\x{1F600}", "\\Qa.b\\E", "a{2}", "a{2,}", "a{2,1}", "a{1001}", "a{1000}", "(a{100}){100}", "*a", "a**", "a*+", "a+?", "(", ")", "[", "]", "a]", "[]a]", "[z-a]", "\\", "\\A", "\\z", "\\Z", "\\C", "\\u0041", "\\h", "\\e", "\\cA", "\\8", "\\0", "\\07",
    "é", "日.語", "^.$", "\\x{110000}", "(?U)a+", "(?x)a b", "(?-i)a", "(?i:a)b", "(?#c)", "x*", "(a*)*", "(a+)+$", "a{,2}", "a{", "a{a}", "\\.", "\\-", "\\_", "\\<", "\\é", "[\\d]", "[\\]]", "[a\\-z]", "[^]", "[]", "$^", "(|a)", "(?P<n>a)(?P<n>b)", "(?P<é>a)", "(?i)ſ", "(?i)k", "\\pN", "[\\p{L}]", "\\N", "\\R", "\\X", "\\K", "(?>a)", "(?|a)", "a++", "\\Ga", "\\f\\t\\n\\r\\v\\a",
)  # fmt: skip
SUBJECTS = ("", "a", "abc", "b\\nb", "Hello", "aé日本語", "A", "\\xff", "K", "a{2}", "]")

SYNTAX = r"""
1 + 2 * 3 - 4 / 2|(1 + 2) * 3|-2 ** 2|2 ** -2|2 * 3 ** 2|not true or true|not (true or true)|!true && false|not true == false|! yes == no|1 + 2 == 3 and 2 > 1|1 < 2 == true|true || false && false|true and false or true
yes ? 1 : no ? 2 : 3|no ? 1 : no ? 2 : 3|yes ?: 1|nothing ?: 1|yes ? 1|yes ? : 1|nothing ?? 1|nothing ?? nothing ?? 2|1 ?? 2|nothing ?? 1 + 1|1 + nothing ?? 1|(1 ?? 2) || true|1 ?? 2 || true|true || 1 ?? 2|nothing ?? yes && no|yes && (nothing ?? no)|1 | type()
yes ? [1] : {a: 1}|yes ? {} : 1|yes?1:2|yes ?.a:2|yes ? .5 : 1|a ?.5 : 1|i?.5:1|users?.[0].name|users ?. [0]|users?[0]:1|map?.b?.c?.[1]|map?.["b"]|map?.x.y.z|map.x?.y.z|map.x.y|missing?.a.b.c|missing?.a().b|missing?.()|(missing?.a).b|missing?.a[0].b|missing?.[0].b[1]
nothing?.a ?? 5|nothing?.a + 1|nothing?.a == nil|!(nothing?.a)|-nothing?.a|map.b.c[0]|map["b"]["c"][1]|map['b'].c[-1]|map.b["c"][2]|map.b.c[-3]|map[""]|map[nil]|map[1]|map[true]|map["True"]|map.a.b|map.a?.b|map.nope|map.nope.x|one.k.v|{}.a|{}["a"]|{}.a.b|{}?.a?.b|[].a|[][0]|[1][0]|[1]?.[5]|[1,2][-1]|[1,2][2]|[1,2][-3]|[1,2][1.0]|[1,2][1.7]|[1,2]["0"]|[1,2][:]|[1,2][1:]|[1,2][:1]|[1,2][0:1:1]|[1,2][]|[1,2][::]
{a: 1}|{"a": 1}|{'a': 1}|{`a`: 1}|{1: 2}|{1.5: 2}|{(text): 1}|{("a" + "b"): 1}|{a: 1, a: 2}|{a: 1,}|{,}|{a}|{a:}|{a: 1 b: 2}|{a b}|{"a" 1}|{true: 1}|{nil: 1}|{not: 1}|{in: 1}|{let: 1}|{if: 1}|{$env: 1}|{len: 1}|{and: 1}.and|{a: {b: {c: 1}}}.a.b.c|{a: 1}.a|{"a b": 1}["a b"]|{a: 1}?.b|{(1): 2}|{(nil): 1}|{[1]: 1}|{-1: 1}|{#: 1}
[1, 2, 3]|[1, 2, 3,]|[,]|[1,,2]|[1 2]|[|]|[1|]|((1))|()|(|)|(1|1)|(1, 2)|[(1), (2)]|[1, "a", nil, true, 1.5, [], {}]|[[1, 2], [3]][1][0]
let x = 1; x|let x = 1; let y = 2; x + y|let x = 1; x; x|let x = 1, x|let x 1; x|let x = 1|let x = ; 1|let = 1; 1|let 1 = 1; 1|let x = 1; let x = 2; x|let i = 1; i|let len = 1; len|let map = 1; map|let $x = 1; $x|let _x = 1; _x|let x = y; x|let x = x; x|(let x = 1; x) + 1|1 + let x = 1; x|[let x = 1; x]|let x = 1; let y = x + 1; y * x|let true = 1; 1|let nil = 1; 1|let in = 1; 1|let not = 1; 1|let é = 1; é|let x1 = 1; x1|let x = 1 x|let f = len; f("a")|let f = upper; f("a")|let x = 1; {let y = 2; x + y}|let x = (1; 2); x|let x = if yes {1} else {2}; x
1; 2|1; 2; 3|1;|; 1|;|1;; 2|(1; 2)|(1;)|[1; 2]|{a: 1; 2}|len("a"; "b")|yes ? 1; 2 : 3|yes ? (1; 2) : 3|nothing.x; 2|2; nothing.x|true && (1; true)|map(tags, {1; #})|map(tags, 1; #)|let x = 1; 2; x
if yes { 1 } else { 2 }|if no { 1 } else { 2 }|if yes { 1 }|if no { 1 }|if yes 1 else 2|if (yes) { 1 } else { 2 }|if no { 1 } else if yes { 2 } else { 3 }|if no { 1 } else if no { 2 } else { 3 }|if no { 1 } else if yes { 2 }|if yes { } else { 1 }|if yes { let x = 1; x } else { 2 }|if yes { 1; 2 } else { 3 }|if 1 { 1 } else { 2 }|if i { 1 } else { 2 }|if nothing { 1 } else { 2 }|(if yes { 1 } else { 2 }) + 1|if yes { 1 } else { 2 } + 1|1 + if yes { 1 } else { 2 }|[if yes { 1 } else { 2 }]|if yes { {a: 1} } else { 2 }|if yes { if no { 1 } else { 2 } } else { 3 }|if yes {1} else {2}; 3|let x = 1; if x == 1 { "a" } else { "b" }|len(if yes {"a"} else {"b"})|if {1} else {2}|if yes {1} else|if yes|if|else|yes { 1 }
1 // comment|1 /* a */ + /* b */ 2|/* a */ 1|// only|/* unclosed|1 /* a /* b */ + 1|1 # c|# 1|#|/**/1|1//|"a // b"|"/* a */"|1 / / 2|1 /*/ 2
#index|#acc|.a|map(tags, #)|map(tags, {#})|map(tags, { # })|map(tags, # + "!")|map(tags, #index)|map(tags, #foo)|map(tags, #acc)|map(tags, # index)|map(users, .name)|map(users, #.name)|map(users, {.name})|map(users, .tags[0])|map(users, .address?.city)|map(users, .address.city)|map(users, .nope)|map(users, .nope?.x)|map(users, .nope.x)|map(users, {let n = .name; n + "!"})|map(users, upper(.name))|map(users, .name | upper())|map(users, {name: .name})|map(users, {"n": .name})|map(users, ({n: .name}))|map(users, {})|map(users, {{n: .name}})|map(users, [.name, .age])|map(nested, map(#, # ))|map(nested, {map(#, {string(#)})})|map(users, map(.tags, #))|map(users, filter(.tags, # == "x"))|map(users, any(.tags, # == "x"))|filter(users, .age > 30 and .admin)|filter(users, not .admin)|filter(users, !.admin)|filter(users, .age)|filter(1..10, # % 2 == 0)|filter(1..10, # % 2)|filter(tags, true)|filter(tags, nil)|filter(tags, nothing)|filter(mixed, # == nil)|filter(mixed, # == 1)|filter(map, true)|map(map, #)|map("abc", #)|map(text, #)|map(nothing, #)|map(5, #)|map(i, #)|map(tags)|map(tags,)|map(tags, #,)|map(tags, #, 1)|map()|map|map.a|filter|len|len.a|upper
all([], false)|all([1], # > 0)|all([1, 0], # > 0)|all(flags, #)|any(flags, #)|none(flags, #)|one(flags, #)|all(mixed, #)|any([], true)|none([], true)|one([1, 1], # == 1)|one([1, 2], # == 1)|any(users, .admin)|all(tags, len(#) > 1)|all(tags, #)|any([1, "a"], # == "a")|all([1, "a"], # > 0)|any([2, "a"], # > 1)|all([1, 2], nothing)|any([1], 1)|count(flags)|count(flags, #)|count([true, 1])|count([1, 2], # > 1)|count(users, .admin)|count([])|count([nil])|count(1..5, # > 2)|count(mixed)|find(tags, # == "gcp")|find([], true)|find(users, .age == 31).name|findLast(users, .age == 31).name|find(users, false)|find(users, false).name|find(users, false)?.name|findIndex(tags, # == "eu")|findIndex(tags, false)|findLastIndex(words, # == "a")|findLastIndex([], true)|find(tags, "x")|findIndex([1, 2], #)|first(filter(tags, # contains "c"))|len(filter(tags, true))|filter(tags, true)[0]|filter(users, .admin)[0].name|map(filter(users, .admin), .name)|filter(map(users, .age), # > 30)|filter(tags, false)[0]|first(filter(tags, false))|last(filter(tags, true))|map(tags, len(#)) == [4, 3, 2]|count(filter(tags, true))|sum(map(users, .age))|len(map(filter(tags, true), #))
reduce(1..5, #acc + #)|reduce([1, 2], #acc + #, 10)|reduce([], #acc + #)|reduce([], #acc + #, 5)|reduce([5], #acc * 100)|reduce(tags, #acc + #)|reduce(tags, #acc + #, "")|reduce(tags, #acc + #index, 0)|reduce(tags, #acc + #index)|reduce([1, "a"], #acc + #)|reduce(users, #acc + .age, 0)|reduce(1..3, concat(#acc, [#]), [])|reduce(1..3, {let a = #acc; a + #}, 1)|reduce(nothing, #)|reduce(nested, concat(#acc, #))|reduce([1,2,3], #acc > # ? #acc : #)|reduce(1..3, #acc + #, nil)|reduce(1..3, #acc + #, nothing)
sum([])|sum([1, 2])|sum([1.5, 2])|sum([1, 2.5])|sum(numbers)|sum([1, "a"])|sum(["a", "b"])|sum(tags)|sum(users, .age)|sum(users, .name)|sum(1..100)|sum(nothing)|sum(5)|sum([nil])|sum([1], # * 2)|sum([], #)|sum([[1]])|sum([9223372036854775807, 1])|sum(flags)|sum([duration("1h"), duration("1m")])|sum(nested, len(#))|sum([1, 2], # / 2)|sum(numbers, # * 2)|sum(empty)|sum(empty, #)
mean([])|mean([1, 2])|mean(1, 2)|mean(1)|mean([1], [2, 3])|mean(numbers)|mean("a")|mean(tags)|mean([1, [2, [3]]])|mean(nothing)|mean()|median([])|median([3, 1, 2])|median([4, 1, 2, 3])|median(1, 2)|median(numbers, 100)|median(tags)|median(["a"])|median([nil])|mean([true])|mean(1..4)|median(1..4)|median(nested)|mean(nested)|max(1, 2.5)|max([1, 2.5])|max(numbers)|min(numbers)|max(1)|max([])|min([])|max([], [])|max([1], 5, [7, [8]])|max("a", "b")|max(["a", "b"])|max(tags)|max(nothing)|max(1, nothing)|max(nil)|max(true)|min(1, true)|max(text)|max(text, 1)|max(map)|min([nil])|min(1, "a")|max(1, 1.0)|max(1.0, 1)|min([1.0, 1])|max([[]])|max(nested)|max(nils)|max(date(day), date("2024-01-01"))|max(duration("1s"), duration("2s"))|max([duration("1s")])|max(1..5)|min(-1, -2)|max(i, f, neg)|max([float("nan"), 1])|max([1, float("nan")])
sort([3, 1, 2])|sort(["b", "a"])|sort([3, 1.5])|sort([1, "a"])|sort([true, false])|sort([nil])|sort([nil, 1])|sort([])|sort(nothing)|sort(tags, "desc")|sort(tags, "asc")|sort(tags, "up")|sort(tags, 1)|sort(tags, nothing)|sort(1..3, "desc")|sort(split("b,a", ","))|sort([[1], [2]])|sort(words)|sort(numbers)|sort(mixed)|sort([date("2024-02-01"), date("2024-01-01")])|sort([duration("2s"), duration("1s")])|sort(map)|sort("ba")|sort(text)|sort([1.0, 1, 1.0])|sort([3, nil])|sort(flags)|sortBy(users, .age)|sortBy(users, .name, "desc")|sortBy(users, .age, "up")|sortBy(users, .age, 1)|sortBy(users, .nope)|sortBy(users, .admin)|sortBy([3, 1, 2], #)|sortBy([3, 1, 2], -#)|sortBy(tags, len(#))|sortBy(1..3, -#)|sortBy([], #)|sortBy(nothing, #)|sortBy(tags, "x")|sortBy(users, .age, .name)|sortBy(mixed, #)|sortBy(users, .address)|map(sortBy(users, .age), .name)|map(sortBy(users, .age, "desc"), .name)|sortBy(tags)|sortBy(1..60, # % 3)|map(sortBy(map(1..60, {{k: # % 3, v: #}}), .k), .v)|map(sortBy(map(1..13, {{k: # % 2, v: #}}), .k, "desc"), .v)|map(sortBy(map(1..12, {{k: # % 2, v: #}}), .k), .v)
groupBy(users, .age)|groupBy(tags, len(#))|len(groupBy(tags, len(#)))|groupBy(tags, #)["gcp"]|groupBy(tags, #).gcp|groupBy(users, .age)[31]|groupBy(users, .age)[31.0]|groupBy(1..5, # % 2)[1]|groupBy(1..5, # % 2)|groupBy([], #)|groupBy(users, .tags)|groupBy(users, nil)|groupBy([[1]], #)|keys(groupBy([1], #))|values(groupBy([1], #))|toPairs(groupBy([1], #))|1 in groupBy([1], #)|groupBy(nothing, #)|toJSON(groupBy(["a"], #))|groupBy([1, 1.0], #)|len(groupBy([1, 1.0], #))|groupBy(mixed, type(#))|groupBy(mixed, #)|get(groupBy(["a"], #), "a")
take(tags, 0)|take(tags, 2)|take(tags, 9)|take(tags, -1)|take(1..3, 2)|take([1], i)|take([1], 1.5)|take("abc", 2)|take(text, 2)|take(nothing, 1)|take([1, 2], nothing)|take(tags, len("a"))|first("abc")|first(text)|first(1..3)|first(nothing)|first({})|first(map)|first(5)|first(i)|last("")|last(text)|last([nil])|first(split("a,b", ","))|reverse([1, 2])|reverse("ab")|reverse(nothing)|reverse(1..3)|reverse(tags)|uniq([1, 1.0, "1"])|uniq(words)|uniq([nil, nil])|uniq([[1], [1]])|uniq([{a: 1}, {a: 1}])|uniq("aa")|uniq(mixed)|uniq(1..3)|concat([1], [2])|concat([])|concat([], [])|concat([1], 2)|concat(1..2, ["a"])|concat("a", "b")|concat(tags, tags)|concat([1])|concat([1], nothing)|concat(empty)|flatten([1, [2, [3, [4]]]])|flatten([])|flatten(nested)|flatten("a")|flatten([1..2, "ab"])|flatten([nil])|flatten([b"ab"])|flatten(nothing)|flatten([{a: [1]}])
keys({a: 1})|keys({})|keys(one)|keys([1])|keys("a")|keys(nothing)|values({a: 1})|values({})|values(one)|toPairs({a: 1})|toPairs(one)|toPairs({})|toPairs([])|fromPairs([["a", 1]])|fromPairs([["a", 1], ["a", 2]])|fromPairs([])|fromPairs([["a"]])|fromPairs([1])|fromPairs([["a", 1, 2]])|fromPairs(["ab"])|fromPairs([[1, 2]])|fromPairs([[nil, 1]])|fromPairs([[[1], 2]])|fromPairs(nothing)|fromPairs(toPairs({a: 1}))|fromPairs([["a", 1]]).a|fromPairs([["a", 1]])["a"]|fromPairs([[1, 2]])[1]|fromPairs([[1, 2]])[1.0]|"a" in fromPairs([["a", 1]])|fromPairs([["a", 1]]) == {"a": 1}|len(fromPairs([["a", 1]]))|sort(keys({b: 1, a: 2}))|sort(values(map.b.c))|len(keys(map))|toPairs(one)[0]|toPairs(one)[0][1]|toPairs(one)[0].k|len(toPairs(map))|get(one, "k")|get(one, "x")|get(map, nil)|get(tags, 0)|get(tags, -1)|get(tags, 9)|get(tags, "a")|get(tags, 1.5)|get("abc", 1)|get(text, 0)|get(nothing, "a")|get(5, 1)|get(i, "a")|get({a: 1}, "a")|get({a: 1}, 1)|get([1], nil)|get({}, nil)|get()|get([1])|get([1], 0, 5)|get(get(map, "b"), "c")|get(fromPairs([[1, 2]]), 1)
"a" in {a: 1}|"b" in {a: 1}|1 in {a: 1}|nil in {a: 1}|nil in [nil]|nil in nil|1 in nil|1 in nothing|"a" in nothing|"k" in one|1 in one|nil in one|i in one|text in one|1 in [1, 2]|1.0 in [1, 2]|"1" in [1, 2]|[1] in [[1]]|{a: 1} in [{a: 1}]|"a" in ["a", 1]|i in [42]|i in [42.0]|42 in numbers|3 in numbers|nil in nils|nil in tags|true in flags|1 in flags|not (1 in [1])|1 not in [1]|not 1 in [1]|!(1 in [1])|"with space" in $env|"missing" in $env|"tags" in $env|$env.tags|$env["tags"]|$env.missing|$env["missing"]|$env.missing.x|$env?.missing?.x|$env["a" + "-b"]|$env[text]|$env[1]|$env[nil]|len($env) > 5|$env.map.a|$env|type($env)|$env == nil|$env ?? 1|$env1|$|$e|$env.tags[0]|map([1], $env.i)|map([1], $env["i"])|filter(["tags", "nope"], # in $env)|keys($env) | len()|let $env = 1; 1|$env.$env|{"$env": 1}.$env
[1, 2] == [1, 2]|[1, 2] == [1.0, 2.0]|[1] == ["1"]|[] == []|{} == {}|[] == {}|[] == nil|{} == nil|nil == nil|nil == false|nil == 0|nil == ""|nil != nil|empty == []|none == {}|empty == nil|none == nil|tags == ["prod", "gcp", "eu"]|["prod", "gcp", "eu"] == tags|numbers == [3, 1, 4, 1, 5, 9, 2.5]|one == {"k": "v"}|{"k": "v"} == one|{a: [1]} == {a: [1]}|{a: 1.0} == {a: 1}|1..3 == [1, 2, 3]|[1, 2, 3] == 1..3|nested[0] == [1, 2]|split("a,b", ",") == ["a", "b"]|["a", "b"] == split("a,b", ",")|toPairs({a: 1}) == [["a", 1]]|map(1..2, #) == [1, 2]|map([1], # + 0.0) == [1]|1 == "1"|i == "42"|true == "true"|yes == true|yes == 1|text == nil|missing == nil|missing == missing|missing == 1|"a" == 'a'|1 != "a"|i != "a"|[1] != [2]|[nil] == [nil]|nils == [nil, nil]|users[0] == users[0]|users[0] == users[1]|fromJSON("[1]") == [1]|fromJSON("1") == 1|fromJSON("null") == nil|b"a" == [97]|date("2024-01-01") == date("2024-01-01T00:00:00Z")|duration("60s") == duration("1m")|duration("1ns") == 1|date(day) == nil|date(day).Month() == 8|date(day).Weekday() == 1|date(day).Month() == date(day).Month()|date(day).Year() == 2023|text[0] == 72|text[0] == "H"|text[0] + 1|text[0] > 70|-text[0]|text[0] * 2|text[0] / 2|text[0] % 2|text[0] ** 2|[text[0]]|text[0] in [72]|text[0]..75|bitand(text[0], 1)|abs(text[0])|int(text[0])|string(text[0])|text[0] == text[0]|text[0] + text[1]|text[0] - text[1]|max(text[0], 1)|sum([text[0]])|b"ab"[0] + 1|b"ab"[0] - b"ab"[1]
tags | len|tags | len()|tags|len()|tags | len() + 1|tags | map(#) | len()|tags | filter(# != "eu") | map(upper(#)) | join("-")|tags | first() | upper()|1 | 2|1 | (2)|1 | foo|1 | foo()|text | split(", ") | last()|"a" | upper() | lower() == "a"|"a" + "b" | upper()|("a" + "b") | upper()|tags | map({# + "!"})|tags | any(# == "eu")|tags | reduce(#acc + #)|5 | max(3)|5 | max(7, 9)|users | map(.name)|users | sortBy(.age) | map(.name)|users | filter(.admin) | len()|[1] | concat([2])|{a: 1} | keys()|{a: 1} | get("a")|"x" | len() | string()|tags | .len()|tags | [0]|tags | #|tags|| nil|tags | first().x|users | first() | .name|users | get(0)|(users | first()).name|users | find(.age > 30) | get("name")|text | missing()|upper() | "a"|"2024-01-01" | date() | string()|"1h" | duration()|not tags | any(true)|tags | let x = 1; x|true | not
upper|upper.x|upper("a").x|upper("a")("b")|"a".upper()|text.upper()|missing()|missing(1, 2)|map.a()|one.k()|map.b.c()|users[0].name()|[1]()|"a"()|1()|nil()|(upper)("a")|{f: 1}.f()|nothing()|tags()|tags.len()|nothing.x()|nothing?.x()|missing.x()|all|foo.bar.baz|foo?.bar?.baz|foo["bar"]|_|__|_a|a1|1a|é|日本|a.é|a.1|a.[1]|a..b|a.|.a|a?.|a?|a.b.|a,b|a b|a b c|"a" "b"|1 2|true false|a;b|@|a@b|~1|a~b|a\b|`|'|"|%|%%|1 % % 2|&|a & b|1 & 2|1 && && 2|||a || |a|^|1 ^ 2|=|a = 1|==|a == |a === b|a !== b|a <> b|a =< b|=> 1|a -> b|a := 1|a ? b : c : d|a ?? |?? a|?|:|a : b|..|1..|..1|!|not|and|or|in|1 in|in [1]|not in [1]|1 not [1]|1 not|1 is 1|1 not == 1|1 not and 1|true not or true|not not not true|nottrue|not(true)|trueand false|true andfalse|inx|1in [1]|let|if|else|nil.x|nil?.x|nil[0]|nil?.[0]|nil()|true.x|true[0]|TRUE|True|None|null|undefined|this|self|NaN|Infinity|Nil|__class__|text.__class__|text["__class__"]|map.__proto__|map.keys|map.items|map.get|tags.append|tags.count|tags.index|users[0].__dict__|{}.__class__|$env.__class__|date(day).tzinfo|date(day).year|duration("1s").days|text.upper|text.format
	1|1	|
1
+
2|1
+ 2|"a
b"|a
.b|a
?.b|users
[0]|tags |
len()|[
1,
2
]|let x = 1;
x|// c
1|1 // c
+ 2|1 /* 
*/ + 1|\u00a01|1\u2003+ 1| 1 |  |""" + "\x00|1\x001|\ufeff1|\r1\r"


def written_topics() -> dict[str, list[str]]:
    return {
        "numbers": _words(NUMBERS),
        "strings": _words(STRINGS),
        "string calls": _spaced_calls(STRING_CALLS),
        "syntax": list(_syntax()),
        "dates": list(_dates()),
        "json": [f"{call}({_quoted(text)})" for text in JSON_TEXTS for call in ("fromJSON", "toJSON")]
        + [f"toJSON(fromJSON({_quoted(text)}))" for text in JSON_TEXTS]
        + [f"string(fromJSON({_quoted(text)}))" for text in JSON_TEXTS]
        + [f"len(fromJSON({_quoted('[' * depth + ']' * depth)}))" for depth in (9_999, 10_000, 10_001)],
        "base64": [f"{call}({_quoted(text)})" for text in BASE64_TEXTS for call in ("fromBase64", "toBase64")]
        + [f"fromBase64(toBase64({_quoted(text)}))" for text in BASE64_TEXTS],
        "regular expressions": list(_patterns()),
    }


def _words(text: str) -> list[str]:
    """Separated by white space; a backslash before a space keeps it."""
    marked = text.replace("\\ ", "\x1f")
    return [word.replace("\x1f", " ") for line in marked.splitlines() for word in line.split(" ") if word]


def _spaced_calls(text: str) -> list[str]:
    """Separated by a space that follows a closing parenthesis."""
    return [call for line in text.splitlines() for call in line.replace(") ", ")\x1f").split("\x1f") if call]


def _syntax() -> Iterator[str]:
    """Split at every bar, so a piped or-ed case is also cut up, and each whole line counts too."""
    for line in SYNTAX.split("\n"):
        pieces = line.split("|")
        yield from pieces
        yield from (f"{first}|{second}" for first, second in zip(pieces, pieces[1:], strict=False))
        yield from ("|".join(three) for three in zip(pieces, pieces[1:], pieces[2:], strict=False))
    yield from SYNTAX.split("|")


def _dates() -> Iterator[str]:
    for text in DATES:
        yield f"date({_quoted(text)})"
        yield f"string(date({_quoted(text)}))"
        yield f"date({_quoted(text)}).Unix()"
        yield f"date({_quoted(text)}).Zone()"
        yield f'date(timezone("Europe/Zurich"), {_quoted(text)})'
        yield f'string(date(timezone("Europe/Zurich"), {_quoted(text)}))'
        yield f'date({_quoted(text)}).Format("Mon Jan _2 15:04:05.999 -0700 MST 2006")'
    for text, layout in LAYOUTS:
        yield f"date({_quoted(text)}, {_quoted(layout)})"
        yield f"string(date({_quoted(text)}, {_quoted(layout)}))"
        yield f'date({_quoted(text)}, {_quoted(layout)}, "America/New_York")'
        yield f'date(timezone("Asia/Kolkata"), {_quoted(text)}, {_quoted(layout)})'
    for layout in FORMATS:
        for time in ('date("2024-02-09T03:04:05.067Z")', "date(when)", 'date("2023-10-29T15:00:00-07:00").In(timezone("Europe/Zurich"))'):
            yield f"{time}.Format({_quoted(layout)})"
    for text in DURATIONS:
        yield f"duration({_quoted(text)})"
        yield f"string(duration({_quoted(text)}))"
        yield f"duration({_quoted(text)}).Hours()"
        yield f"duration({_quoted(text)}).Seconds()"
        yield f"date(day) + duration({_quoted(text)})"
        yield f"duration({_quoted(text)}) * 2"
    for zone in ZONES:
        yield f'timezone("{zone}")'
        yield f'string(timezone("{zone}"))'
        yield f'timezone("{zone}").String()'
        yield f'string(date("2023-08-14 12:00:00").In(timezone("{zone}")))'
        yield f'date("2023-12-14 12:00:00", "2006-01-02 15:04:05", "{zone}")'
        yield f'string(date("2023-03-26 02:30:00", "2006-01-02 15:04:05", "{zone}"))'
        yield f'string(date("2023-10-29 02:30:00", "2006-01-02 15:04:05", "{zone}"))'
        yield f'string(date("1900-01-01", "2006-01-02", "{zone}"))'
        yield f'string(date("2050-07-01", "2006-01-02", "{zone}"))'
    yield from (
        "now() > date(day)",
        "now() - now() < duration('1h')",
        "now().Year() > 2000",
        "now(timezone('UTC')).Location().String()",
        "type(now() - date(day))",
        "now(1)",
        "now(timezone('UTC'), 1)",
        "date(day) - date('2023-08-13')",
        "date(day) + date(day)",
        "date(day) * 2",
        "date(day) - duration('24h')",
        "duration('1h') + date(day)",
        "duration('1h') - date(day)",
        "date(day) < duration('1h')",
        "date(day) - 1",
        "duration('1h') * duration('1h')",
        "duration('1h') / duration('30m')",
        "duration('1h') / 2",
        "duration('1h') / 2.0",
        "duration('1h') * 1.5",
        "1.5 * duration('1h')",
        "2 * duration('1h')",
        "duration('1h') * i",
        "i * duration('1h')",
        "-duration('1h')",
        "duration('1h') % duration('7m')",
        "duration('1h') + 1",
        "duration('1h') > 1",
        "duration('1h') == 3600000000000",
        "int(duration('1s'))",
        "float(duration('1s'))",
        "abs(duration('-1s'))",
        "[duration('1s')]",
        "[date(day)]",
        "{d: date(day)}",
        "toJSON(date(day))",
        "toJSON(duration('1s'))",
        "toJSON(date(day).Month())",
        "toJSON(timezone('UTC'))",
        "toJSON([date(when)])",
        "date('2299-01-01') - date('1700-01-01')",
        "date('0001-01-01').IsZero()",
        "date('0001-01-01').Unix()",
        "date('9999-12-31') + duration('24h')",
        "date('9999-12-31') + duration('48h')",
        "string(date('9999-12-31') + duration('48h'))",
    )


def _patterns() -> Iterator[str]:
    for pattern in PATTERNS:
        for subject in SUBJECTS:
            yield f'"{subject}" matches {_quoted(pattern)}'
        yield f"text matches {_quoted(pattern)}"
        yield f'[text][0] matches ({_quoted(pattern)} + "")'
        yield f'"abc" matches fromJSON({_quoted(json.dumps(pattern))})'


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\x7f")


def written_cases() -> list[Case]:
    expressions = [expression for topic in written_topics().values() for expression in topic]
    return [Case("wide", expression) for expression in dict.fromkeys(expressions)]
