"""The class list: both formats, and what is refused."""

import json

import pytest

from mmseg_deeplab.datasets.class_list import ClassList, read_class_list

STREETS = ClassList(
    names=('road', 'traffic light', '2-wheeler'),
    colors=((128, 64, 128), (250, 170, 30), (0, 0, 142)),
    ignored=((0, 0, 0), (81, 0, 81)),
)
NAMES = ClassList(names=('a', 'b c'))
TEXT = """\
# Cityscapes' colours

road 128 64 128
traffic light\t#faaa1e
ignore 0 0 0
2-wheeler, 0, 0, 142
ignore,#510051
"""
CVAT = """\
# label:color_rgb:parts:actions
road:128,64,128::
traffic light:250,170,30:pole,lamp:
IGNORE:0,0,0::
2-wheeler:0,0,142::ride
ignore:81,0,81::
"""
JSON = [
    {'name': 'road', 'color': [128, 64, 128]},
    {'name': 'traffic light', 'color': '#FAAA1E'},
    {'name': 'ignore', 'color': '#000000'},
    {'name': '2-wheeler', 'color': [0, 0, 142]},
    {'name': 'ignore', 'color': [81, 0, 81]},
]


@pytest.fixture
def read(tmp_path):
    """Return a function that writes a file and reads it."""

    def read(content, name: str = 'labels.txt') -> ClassList:
        raw = content if isinstance(content, bytes) else content.encode()
        (tmp_path / name).write_bytes(raw)
        return read_class_list(str(tmp_path / name))

    return read


@pytest.mark.parametrize(
    'name, content, expected',
    [
        ('a.txt', TEXT, STREETS),
        ('a.txt', b'\xef\xbb\xbf' + TEXT.encode(), STREETS),
        ('a.txt', TEXT.replace('\n', '\r\n'), STREETS),
        ('a.json', json.dumps(JSON), STREETS),
        ('a.txt', TEXT.encode('utf-16'), STREETS),
        ('a.txt', TEXT.replace('ignore', 'IGNORE').replace('#faa', '#FAA'), STREETS),
        ('labelmap.txt', CVAT, STREETS),
        ('a.txt', '__ignore__\na\nb c\n', NAMES),
        ('a.txt', 'a\nb c\n', NAMES),
        ('a.json', '["a", "b c"]', NAMES),
        ('a.txt', STREETS.to_text(), STREETS),
        ('a.txt', NAMES.to_text(), NAMES),
    ],
)
def test_both_formats_are_read(read, name, content, expected):
    assert read(content, name) == expected


@pytest.mark.parametrize(
    'content, reason',
    [
        ('road 1 2 3\nroad 4 5 6', r"line 2: the name 'road'.*line 1"),
        ('road 1 2 3\n\ncar 1 2 3', r'line 3: the colour \(1, 2, 3\).*line 1'),
        ('road 1 2 3\ncar', 'line 2: has no colour, but 1 of 2'),
        ('road\nignore', "line 2: 'ignore' needs a colour"),
        ('road 1 2 256', r'line 1: the colour is \[1, 2, 256\]'),
        ('road #12345', 'line 1.*no whole colour'),
        ('road 1 2 ' + '9' * 5000, 'line 1.*no whole colour'),
        ('road:1,2,' + '9' * 5000 + '::', "line 1.*holds ':'"),
        ('road 1 2 3\nRoad 4 5 6', r"line 2: the name 'road'.*line 1"),
        ('Cat:48,112,32:', "line 1.*holds ':'"),
        ('Cat:48,112::', "line 1.*holds ':'"),
        ('name,r,g,b', "line 1.*holds ','.*JSON"),
        ('road;128;64;128', "line 1.*holds ';'"),
        ('- name: road', "holds ':'"),
        ('{"road": 0}', "holds '{'"),
        ('road = 0', "holds '='"),
        (TEXT.encode('utf-16')[2:], 'zero bytes'),
        ('0 road', 'line 1.*begins with a number.*take the ids out'),
        ('# nothing', 'names 0 classes'),
        ('\n'.join(f'c{i}x' for i in range(256)), 'names 256 classes, expected 1..255'),
        ('', 'empty'),
        (b'caf\xe9', 'UTF-8'),
    ],
)
def test_malformed_text_is_explained(read, content, reason):
    with pytest.raises(ValueError, match=rf'labels\.txt.*{reason}'):
        read(content)


@pytest.mark.parametrize(
    'content, reason',
    [
        ('{"road": 0}', 'holds a dict, expected a list'),
        ('[1]', 'item 0: 1, expected a name'),
        ('["a", {"name": "b", "colour": "#000000"}]', 'item 1'),
        ('[{"color": "#000000"}]', 'item 0'),
        ('[{"name": "a", "color": [1, 2]}]', r'item 0: the colour is \[1, 2\]'),
        ('[{"name": "a", "color": [1, 2, 3.0]}]', 'item 0: the colour'),
        ('[{"name": "a", "color": "red"}]', "item 0: the colour is 'red'"),
        ('["a", "a"]', "item 1: the name 'a'.*item 0"),
        ('["a"', 'is no JSON'),
    ],
)
def test_malformed_json_is_explained(read, content, reason):
    with pytest.raises(ValueError, match=rf'labels\.json.*{reason}'):
        read(content, 'labels.json')


def test_missing_file_says_how_to_write_it(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'none\.txt.*one class a line'):
        read_class_list(str(tmp_path / 'none.txt'))
