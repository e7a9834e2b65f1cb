"""What a new admin may answer, and the sentence for what they may not."""

import pytest

from ec2spawner.admin.init import answers
from ec2spawner.ec2.account.region import partition_of


@pytest.mark.parametrize(
    "text, name, domain",
    [
        ("lab-hub", "lab-hub", ""),
        ("Lab", "lab", ""),
        ("Hub.Example.org", "hub-example-org", "hub.example.org"),
    ],
)
def test_a_hub_has_a_name_or_a_domain_that_makes_one(text, name, domain):
    assert answers.name_and_domain(text) == (name, domain)


@pytest.mark.parametrize(
    "read, text, sentence",
    [
        (answers.name_and_domain, "2hub", "'2hub' is no name for a hub"),
        (answers.name_and_domain, "my hub", "'my hub' is no name for a hub"),
        (answers.name_and_domain, "h" * 64, "63 at most"),
        (answers.name_and_domain, "https://hub.org", "is no domain name: one is"),
        (answers.name_and_domain, "hub..org", "is no domain name: one is"),
        (answers.name_and_domain, "10.0.0.1", "is no domain name: one is"),
        (answers.users, " , ", "nobody could log in"),
        (answers.users, "ada, $(reboot)", "'$(reboot)' cannot be a login name"),
        (answers.users, "Ada", "it has lower-case letters"),
        (answers.users, "root", "'root' is an account of the system"),
        (answers.types, "", "users could choose nothing"),
        (answers.types, "large", "'large' is no instance type: one is t3.medium"),
        (answers.types, "t3.medium m7g.large", "m7g.large has an ARM processor"),
        (answers.types, "c7gn.large", "c7gn.large has an ARM processor"),
        (answers.budget, "lots", "'lots' are no dollars"),
        (answers.budget, "-1", "0 for no budget"),
        (answers.budget, "nan", "give a number"),
        (answers.home_size, "0", "from 1 to 65536"),
        (answers.home_size, "20 GB", "'20 GB' is no number of GiB"),
        (answers.home_size, "²", "'²' is no number of GiB"),
        (answers.idle_minutes, "5", "'5' is no number of minutes from 10"),
    ],
)
def test_what_cannot_be_is_told_in_a_sentence(read, text, sentence):
    with pytest.raises(ValueError) as told:
        read(text)
    assert sentence in str(told.value)


def test_words_may_have_commas_or_spaces_and_count_once():
    assert answers.users("ada, grace ada") == ("ada", "grace")
    # g before the generation is a GPU, behind it an ARM processor.
    assert answers.types("g5.xlarge,m7i-flex.large") == ("g5.xlarge", "m7i-flex.large")
    assert (answers.budget("$99.50"), answers.budget("0")) == (99.5, 0)
    assert (answers.home_size(" 20 "), answers.idle_minutes("0")) == (20, 0)


def test_a_region_is_one_of_aws():
    assert answers.region("eu-central-1", partition_of) == "eu-central-1"
    with pytest.raises(ValueError, match="no region 'us-west-2a': give one such as"):
        answers.region("us-west-2a", partition_of)


def hub(types):
    return answers.Answers("us-west-2", "lab", "", ("ada",), types, 0, 20, 60)


def test_few_sizes_have_names_and_many_are_their_types():
    assert hub(("a.b", "c.d")).sizes == {"Small": "a.b", "Medium": "c.d"}
    assert hub(tuple("abcde")).sizes == list("abcde")
