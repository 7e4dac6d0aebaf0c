"""Texts that a walk over UTF-8 could get wrong."""

from hypothesis import strategies as st

# Every length of UTF-8, marks, digits and spaces of many scripts, letters with odd cases.
CHARACTERS = (
    "aAbBeéÉßſıİKKΣσςΩ"
    "ทน้ำัุ่ฯ๓"
    "ລາວ້ຳ໓"
    "ខ្ញុំ។៣"
    "မြန်မာ။၃၊"
    "தமிழ்ொ௩"
    "中文。，！？"
    "한국ᄒ"
    "क़ि।"
    "0012359.,':’?!…»”)(«“ \u00a0\u2009\u202f\u3000\t\n"
    "😀👩\u200d\u200b\U0010ffff\U0001d7ce\u0301\u0323\u0300"
)
ANY = st.sampled_from(CHARACTERS) | st.characters(exclude_categories=["Cs"])
TEXTS = st.text(ANY, max_size=40)
