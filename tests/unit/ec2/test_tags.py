from ec2spawner.ec2.tags import from_pairs, specification, to_pairs

TAGS = {"Name": "one", "empty": ""}
PAIRS = [{"Key": "Name", "Value": "one"}, {"Key": "empty", "Value": ""}]


def test_tags_go_out_as_they_come_in():
    assert to_pairs(TAGS) == PAIRS and from_pairs(PAIRS) == TAGS


def test_a_tag_without_a_value_is_an_empty_one():
    assert from_pairs([{"Key": "empty"}]) == {"empty": ""}


def test_what_a_request_makes_is_tagged_by_its_kind():
    assert specification("volume", TAGS) == {"ResourceType": "volume", "Tags": PAIRS}
