"""The flag table: its words are those of real nodes, and names are given, not bits."""

import pytest

from ergopy.dist.flags import (
    MANDATORY,
    OFFERED_HIDDEN,
    OFFERED_VISIBLE,
    REQUIRED,
    Flag,
    expand,
    mandatory,
    missing,
    names,
    negotiate,
    offered,
    sent_by,
)

OTP_25 = 0xD07DF7FBD
OTP_28 = 0x2D07DF7FBD
C_NODE = 0x407074F9C


def test_what_we_offer_is_what_otp_28_offers() -> None:
    assert OFFERED_VISIBLE == OTP_28
    assert OFFERED_HIDDEN == OTP_28 & ~1
    assert offered() == OFFERED_VISIBLE
    assert offered(hidden=True) == OFFERED_HIDDEN


def test_mandatory_sets_are_those_measured() -> None:
    assert MANDATORY[25] == 0x1070F94
    assert MANDATORY[26] == MANDATORY[27] == MANDATORY[28] == 0x403070F94
    assert mandatory(26) == MANDATORY[26]


@pytest.mark.parametrize("flags", [OTP_25, OTP_28, C_NODE, OFFERED_HIDDEN, 2**64 - 1])
def test_real_nodes_lack_nothing(flags: int) -> None:
    assert missing(flags) == ()


def test_missing_flags_are_named_low_bit_first() -> None:
    assert missing(MANDATORY[25]) == ("UNLINK_ID", "V4_NC")
    assert missing(0)[:2] == ("EXTENDED_REFERENCES", "FUN_TAGS")


def test_the_digest_bit_stands_for_what_otp_25_demands() -> None:
    digest = Flag.MANDATORY_25_DIGEST
    assert expand(digest) == digest | MANDATORY[25]
    assert expand(Flag.ALIAS) == Flag.ALIAS
    assert missing(digest | Flag.UNLINK_ID | Flag.V4_NC) == ()
    assert missing(digest) == ("UNLINK_ID", "V4_NC")
    # Bit 36, which one version of the documents names, stands for nothing.
    assert "NEW_FUN_TAGS" in missing(1 << 36)


def test_a_link_has_what_both_offer() -> None:
    assert negotiate(OTP_28, OTP_25) == OTP_25
    assert negotiate(OFFERED_HIDDEN, OTP_25) == OTP_25 & ~1
    assert negotiate(OTP_28, 2**64 - 1) == OTP_28


def test_every_bit_has_a_name() -> None:
    assert names(0) == ()
    assert names(Flag.PUBLISHED | Flag.ALTACT_SIG) == ("PUBLISHED", "ALTACT_SIG")
    assert names(1 << 15 | 1 << 63) == ("BIT_15", "BIT_63")


@pytest.mark.parametrize("flag", list(Flag), ids=lambda flag: flag.name)
def test_the_table_is_complete_for_each_flag(flag: Flag) -> None:
    assert flag.since
    assert flag.note
    assert flag.bit_count() == 1
    if flag in REQUIRED:
        assert flag.offered


def test_obsolete_caches_and_the_request_for_a_name_are_not_offered() -> None:
    never = Flag.ATOM_CACHE | Flag.HIDDEN_ATOM_CACHE | Flag.NAME_ME
    assert not OFFERED_VISIBLE & never


@pytest.mark.parametrize(
    ("otp", "word"), [(25, OTP_25), (26, OTP_25), (27, OTP_25), (28, OTP_28)]
)
def test_what_each_release_sends_is_known(otp: int, word: int) -> None:
    assert sent_by(otp) == word
    assert sent_by(otp, hidden=True) == word & ~1
    assert not MANDATORY[otp] & ~sent_by(otp)
