"""`waits.toml`: what it says, and what is wrong with one that cannot be used."""

from __future__ import annotations

import pytest

from leakcheck.catalogue import load
from leakcheck.schema import CatalogueError, parse_toml, waits_of

WAITS = load().waits


@pytest.mark.parametrize(
    ("name", "kind", "awaited"),
    [
        ("time.sleep", "sleep", False),
        ("asyncio.sleep", "sleep", True),
        ("requests.get", "slow", False),
        ("httpx.AsyncClient.get", "slow", True),
        ("openai.OpenAI.chat.completions.create", "slow", False),
        ("boto3.client.put_object", "slow", False),
        ("input", "slow", False),
        ("discord.Client.send_message", "slow", True),
        ("telebot.TeleBot.reply_to", "slow", False),
    ],
)
def test_known_by_name(name: str, kind: str, awaited: bool) -> None:
    found = WAITS.named(name)
    assert found is not None
    assert (found[0].kind, found[1]) == (kind, awaited)


@pytest.mark.parametrize(
    "name",
    ["openai.OpenAI", "requests.Session", "boto3.client.get_paginator", "discord.Client.get_user", "time.time", "get"],
)
def test_does_not_wait(name: str) -> None:
    assert WAITS.named(name) is None


def test_known_by_the_end_of_its_text() -> None:
    assert WAITS.written("self.llm.chat.completions.create") is not None
    assert WAITS.written("self.client.get") is None


def test_objects_of_a_service_in_each_of_its_libraries() -> None:
    assert WAITS.types["nextcord.ext.commands.Context"] == WAITS.types["discord.Member"] == "discord.Client"
    assert WAITS.attributes["discord.Client.channel"] == WAITS.gives["discord.Client.get_channel"] == "discord.Client"
    assert WAITS.handlers["disnake.ext.commands.command"] == WAITS.handlers["discord.Client.event"] == "discord.Client"


def test_every_sentence_can_be_ended() -> None:
    for wait in (found for found, _ in WAITS.all()):
        assert wait.what.split()[0] in ("sleeps", "waits", "sends", "is")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("wiat = []", "unknown key 'wiat', did you mean 'wait'?"),
        ('[[wait]]\nkind = "slep"\nwhat = "sleeps"', "unknown value 'slep', did you mean 'sleep'?"),
        ('[[wait]]\nkind = "sleep"', "'what' is missing"),
    ],
)
def test_mistakes_are_told(text: str, problem: str) -> None:
    with pytest.raises(CatalogueError, match=problem.replace("?", r"\?")):
        waits_of(parse_toml(text, ""), "waits.toml")
