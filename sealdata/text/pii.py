"""Personal data in text: what e-mail addresses, phone numbers and national ID numbers look like."""

_D = r"\p{Nd}"  # a digit of any script
_ZERO = r"[0\u{e50}\u{ed0}\u{17e0}\u{1040}]"  # and zero in Thai, Lao, Khmer and Burmese
_GAP = r"[ \-.\u{a0}\u{2010}-\u{2013}]"

EMAIL = r"\b[A-Za-z0-9][A-Za-z0-9._%+\-]*@(?:[A-Za-z0-9\-]+\.)+[A-Za-z]{2,}"

# International numbers (E.164: up to 15 digits) and those dialled at home: 0 and 8 to 10 digits, in
# groups or not, as in Indonesia, Thailand, Vietnam, Malaysia, the Philippines and Myanmar.
PHONE = "|".join(
    (
        rf"\+{_D}{{1,3}}(?:{_GAP}?\(?{_D}{{2,4}}\)?){{2,4}}\b",
        rf"\(0{_D}{{1,3}}\){_GAP}?{_D}{{3,4}}{_GAP}?{_D}{{3,4}}\b",
        rf"\b{_ZERO}{_D}{{1,3}}{_GAP}{_D}{{3,4}}{_GAP}?{_D}{{3,4}}\b",
        rf"\b{_ZERO}{_D}{{8,10}}\b",
    )
)

# Only numbers that their form tells from others: fixed groups, letters, a date of birth within.
_MONTH, _DAY = r"(?:0[1-9]|1[0-2])", r"(?:0[1-9]|[12][0-9]|3[01])"
NATIONAL_ID = "|".join(
    (
        rf"\b[1-8]-{_D}{{4}}-{_D}{{5}}-{_D}{{2}}-{_D}\b",  # Thailand
        # Indonesia (NIK): region, date of birth with 40 added to a woman's day, number
        rf"\b[1-9][0-9]{{5}}(?:{_DAY}|4[1-9]|[56][0-9]|7[01]){_MONTH}[0-9]{{6}}\b",
        rf"\b[0-9]{{2}}{_MONTH}{_DAY}-[0-9]{{2}}-[0-9]{{4}}\b",  # Malaysia: MyKad
        r"\b[STFGM][0-9]{7}[A-Z]\b",  # Singapore: NRIC
        rf"\b{_D}{{1,2}}/[\p{{L}}\p{{M}}]{{3,12}} ?\([\p{{L}}\p{{M}}]+\) ?{_D}{{6}}\b",  # Myanmar
        rf"\b[1-8][0-9]{{5}}(?:19|20)[0-9]{{2}}{_MONTH}{_DAY}[0-9]{{3}}[0-9Xx]\b",  # China
        r"\b0(?:0[1-9]|[1-8][0-9]|9[0-6])[0-9]{9}\b",  # Vietnam: province, sex, year, number
    )
)
POSSIBLE = rf"@|{_D}{_GAP}?{_D}{_GAP}?{_D}"  # every one of them has this

# ID numbers before phone numbers, which some of them contain.
KINDS = {"emails": EMAIL, "ids": NATIONAL_ID, "phones": PHONE}
