"""Videos frame by frame: against what PyAV decodes from the result."""

import struct
import sys
import weakref
from fractions import Fraction

import av
import cv2
import numpy as np
import pytest
from PIL import Image
from predicting import PlainPredictor

from mmseg_deeplab.inference.overlay import overlay
from mmseg_deeplab.inference.predictor import Prediction
from mmseg_deeplab.inference.video import predict_video

GRAIN = np.random.default_rng(0).integers(0, 8, (100, 130, 3), dtype=np.uint8)


class Halves(PlainPredictor):
    """Class 1 where blue is strong."""

    classes, palette = ('rest', 'blue'), [[200, 30, 30], [20, 220, 60]]

    def one(self, image):
        blue = cv2.blur(image[..., 2], (5, 5))
        return Prediction((blue > 127).astype(np.uint8))


def scene(number, size):
    """A smooth scene that tells its number by its brightness: left dark, right blue."""
    height, width = size
    image = np.full((height, width, 3), 40 + 10 * (number % 10), np.uint8)
    image[:, width // 2 :, 2] = 230
    image[: height // 4] //= 2
    return image + GRAIN[:height, :width]


def make(
    path, *, codec='libx264', rate=25, count=12, size=(48, 64), ticks=None, base=None,
    sound=False, options=None, colorspace=2, container=None, pixel=None, subtitle=None,
):  # fmt: skip
    """Write a video; ``ticks`` are the times of its frames in units of ``base``."""
    with av.open(str(path), 'w', options=container or {}) as container:
        stream = container.add_stream(codec, rate=rate, options=options or {})
        stream.height, stream.width, stream.pix_fmt = *size, 'yuv420p'
        context = stream.codec_context
        context.bit_rate = 2_000_000 if codec != 'libx264' else 0
        context.colorspace = colorspace
        context.time_base = base or 1 / Fraction(rate)
        if pixel:
            context.sample_aspect_ratio = pixel
        audio = container.add_stream('aac', rate=48000) if sound else None
        text = container.add_stream('subrip') if subtitle else None
        if text:
            text.codec_context.subtitle_header = b''
        for number in range(count):
            frame = av.VideoFrame.from_ndarray(scene(number, size), format='rgb24')
            space = 'ITU709' if colorspace == 1 else 'ITU601'
            frame = frame.reformat(format=stream.pix_fmt, dst_colorspace=space)
            frame.pts = ticks[number] if ticks else number
            frame.time_base = context.time_base
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if text:
            line = av.Packet(b'good bye')
            line.stream, line.time_base = text, Fraction(1, 1000)
            line.pts = line.dts = subtitle
            line.duration = 900
            container.mux(line)
        if audio:
            add_tone(container, audio, seconds=count / float(rate))
    return path


def add_tone(container, stream, *, seconds):
    for start in range(0, int(48000 * seconds), 1024):
        wave = np.sin((start + np.arange(1024)) / 20).astype(np.float32)
        frame = av.AudioFrame.from_ndarray(np.stack([wave, wave]), 'fltp', 'stereo')
        frame.sample_rate, frame.pts = 48000, start
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


def decoded(path, kind='rgb24'):
    """Return codec, times and frames of a video."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        frames = list(container.decode(stream))
        times = [float(frame.time) for frame in frames]
        name = stream.codec_context.codec.canonical_name
        return name, times, [frame.to_ndarray(format=kind) for frame in frames]


def mean_error(found, expected):
    return np.abs(found.astype(float) - expected.astype(float)).mean()


KINDS = [
    ('a.mp4', 'libx264'),
    ('a.mkv', 'libx265'),
    ('a.webm', 'libvpx-vp9'),
    ('a.avi', 'mpeg4'),
    ('a.avi', 'libx264'),
    ('a.mpg', 'mpeg2video'),
    ('a.ts', 'libx264'),
    ('a.wmv', 'wmv2'),
]


@pytest.mark.parametrize('name, encoder', KINDS)
@pytest.mark.parametrize('suffix', ['mp4', 'mkv'])
def test_frames_of_any_codec_become_h264_at_their_times(
    tmp_path, name, encoder, suffix
):
    source, target = make(tmp_path / name, codec=encoder), tmp_path / f'b.{suffix}'
    predictor = Halves()
    predict_video(predictor, source, target, batch_size=5)
    before, after = decoded(source), decoded(target)
    assert after[0] == 'h264'
    np.testing.assert_allclose(np.diff(after[1]), 1 / 25, atol=0.0011)
    assert predictor.batches == [5, 5, 2]
    for shown, frame in zip(after[2], before[2], strict=True):
        painted = overlay(frame, predictor.one(frame).labels, Halves.palette)
        assert mean_error(shown, painted) < 6


@pytest.mark.parametrize('rate', [Fraction(30000, 1001), Fraction(24), Fraction(50)])
def test_the_frame_rate_is_kept(tmp_path, rate):
    source, target = make(tmp_path / 'a.mp4', rate=rate), tmp_path / 'b.mp4'
    predict_video(Halves(), source, target)
    with av.open(str(target)) as container, av.open(str(source)) as expected:
        found, wanted = container.streams.video[0], expected.streams.video[0]
        assert found.average_rate == wanted.average_rate == rate
        assert found.time_base == wanted.time_base
        assert container.duration == pytest.approx(expected.duration, abs=1000)  # us


def test_unequal_distances_are_kept(tmp_path):
    ticks = [500, 533, 600, 1000, 1001, 2500]
    times = dict(ticks=ticks, base=Fraction(1, 1000), rate=30)
    source = make(tmp_path / 'a.mkv', count=6, **times)
    predict_video(Halves(), source, tmp_path / 'b.mkv')
    times = decoded(tmp_path / 'b.mkv')[1]
    assert times == [tick / 1000 for tick in ticks]


def test_the_shape_of_pixels_is_kept(tmp_path):
    source = make(tmp_path / 'a.mp4', count=2, pixel=Fraction(4, 3))
    predict_video(Halves(), source, tmp_path / 'b.mp4')
    turn(source, 1)
    predict_video(Halves(), source, tmp_path / 'c.mp4')
    for name, shape in {'b.mp4': Fraction(4, 3), 'c.mp4': Fraction(3, 4)}.items():
        with av.open(str(tmp_path / name)) as container:
            assert container.streams.video[0].sample_aspect_ratio == shape


def test_subtitles_may_last_longer_than_the_scene(tmp_path):
    source = make(tmp_path / 'a.mkv', subtitle=9000)
    with av.open(str(source)) as container:
        assert container.duration > 9_000_000  # us; the frames take 0.5 s
    predict_video(Halves(), source, tmp_path / 'c.mkv')
    assert len(decoded(tmp_path / 'c.mkv')[1]) == 12


@pytest.mark.parametrize('colorspace', [1, 5, 2])
def test_colours_come_back(tmp_path, colorspace):
    source = make(tmp_path / 'a.mp4', colorspace=colorspace)
    predictor = Halves()
    predict_video(predictor, source, tmp_path / 'b.mp4', opacity=0)
    shown = decoded(tmp_path / 'b.mp4')[2]
    assert mean_error(predictor.images[0], scene(0, (48, 64))) < 3
    assert mean_error(shown[0], predictor.images[0]) < 3


def test_sound_is_copied(tmp_path):
    source = make(tmp_path / 'a.mp4', sound=True, count=25)
    predict_video(Halves(), source, tmp_path / 'b.mp4', batch_size=4)
    packets = []
    for path in (source, tmp_path / 'b.mp4'):
        with av.open(str(path)) as container:
            sound = container.demux(audio=0)
            packets.append([(p.pts, bytes(p)) for p in sound if p.size])
    assert len(packets[0]) > 40
    assert packets[0] == packets[1]


def turn(path, quarter_turns):
    """Write a rotation into the track header of an MP4 (ISO/IEC 14496-12, 8.3.2)."""
    content = bytearray(path.read_bytes())
    matrix = content.index(b'tkhd') + 4 + 40
    cos, sin = [(1, 0), (0, 1), (-1, 0), (0, -1)][quarter_turns]
    values = (cos, sin, 0, -sin, cos, 0, 0, 0, 1)
    fixed = [65536, 65536, 1 << 30] * 3  # 16.16 bits, the last column 2.30
    numbers = (value * one for value, one in zip(values, fixed, strict=True))
    struct.pack_into('>9i', content, matrix, *numbers)
    path.write_bytes(content)


@pytest.mark.parametrize('quarter_turns', [0, 1, 2, 3])
def test_turned_videos_are_seen_and_written_upright(tmp_path, quarter_turns):
    source = make(tmp_path / 'a.mp4', options=dict(crf='5'))
    turn(source, quarter_turns)
    predictor = Halves()
    predict_video(predictor, source, tmp_path / 'b.mp4', opacity=0)
    upright = np.rot90(scene(3, (48, 64)), -quarter_turns)  # the matrix: clockwise
    assert predictor.images[3].shape == upright.shape
    assert mean_error(predictor.images[3], upright) < 4
    with av.open(str(tmp_path / 'b.mp4')) as container:
        frames = list(container.decode(video=0))
    assert frames[3].rotation == 0
    assert mean_error(frames[3].to_ndarray(format='rgb24'), upright) < 4


def test_odd_sizes_are_padded_but_those_of_the_labels(tmp_path):
    source = make(tmp_path / 'a.mkv', codec='ffv1', size=(47, 63), count=3)
    predictor = Halves()
    predict_video(predictor, source, tmp_path / 'b.mp4', label_video=tmp_path / 'l.mkv')
    shown = decoded(tmp_path / 'b.mp4')[2]
    image = predictor.images[0]
    assert image.shape == (47, 63, 3)
    assert decoded(tmp_path / 'l.mkv', 'gray')[2][0].shape == (47, 63)
    assert shown[0].shape == (48, 64, 3)
    painted = overlay(image, predictor.one(image).labels, Halves.palette)
    assert mean_error(shown[0][:47, :63], painted) < 6


def test_labels_are_written_exactly(tmp_path):
    source, predictor = make(tmp_path / 'a.mp4', count=7), Halves()
    predict_video(
        predictor, source, tmp_path / 'b.mp4', batch_size=3,
        label_video=tmp_path / 'labels.mkv', label_folder=tmp_path / 'labels',
    )  # fmt: skip
    expected = [predictor.one(image).labels for image in predictor.images]
    codec, times, videos = decoded(tmp_path / 'labels.mkv', 'gray')
    pngs = [np.array(Image.open(p)) for p in sorted((tmp_path / 'labels').iterdir())]
    assert codec == 'ffv1' and len(expected) == 7
    assert np.array_equal(videos, expected) and np.array_equal(pngs, expected)
    np.testing.assert_allclose(times, decoded(source)[1], atol=0.001)


def test_few_frames_are_alive_however_long_the_video(tmp_path):
    class Watching(Halves):
        seen, most = [], 0

        def predict(self, images, *, probabilities=False):
            self.seen += map(weakref.ref, images)
            self.most = max(self.most, sum(ref() is not None for ref in self.seen))
            return [self.one(image) for image in images]

    source, predictor = make(tmp_path / 'a.mp4', count=80), Watching()
    predict_video(predictor, source, tmp_path / 'b.mp4', batch_size=4)
    assert predictor.most <= 8


@pytest.mark.parametrize('name', ['a.mp4', 'a.mkv', 'a.ts'])
def test_a_video_that_begins_late_is_whole(tmp_path, name):
    path = make(tmp_path / name, count=12, ticks=range(50, 62))
    predict_video(Halves(), path, tmp_path / 'b.mkv')
    assert len(decoded(tmp_path / 'b.mkv')[1]) == 12


@pytest.mark.parametrize('name', ['a.mp4', 'a.mkv', 'a.avi', 'fast.mp4'])
def test_a_truncated_file_is_an_error_and_leaves_nothing(tmp_path, name):
    movflags = dict(movflags='+faststart') if name == 'fast.mp4' else {}
    options = dict(count=60, size=(96, 128), container=movflags)
    path = make(tmp_path / name, codec='mpeg4', **options)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 6 // 10])
    (tmp_path / 'out').mkdir()
    with pytest.raises(ValueError, match=rf'{name}: .*truncated'):
        predict_video(Halves(), path, tmp_path / 'out' / 'b.mp4')
    assert not list((tmp_path / 'out').iterdir())


@pytest.mark.parametrize('content', [b'', b'<html>not found</html>' * 50])
def test_a_foreign_file_is_named(tmp_path, content):
    (tmp_path / 'a.mp4').write_bytes(content)
    with pytest.raises(ValueError, match=r'a\.mp4: (not a readable|holds no) video'):
        predict_video(Halves(), tmp_path / 'a.mp4', tmp_path / 'b.mp4')


def test_a_list_of_files_is_no_video(tmp_path):
    make(tmp_path / 'a.mp4')
    (tmp_path / 'b.avi').write_text('ffconcat version 1.0\nfile a.mp4\n')
    with av.open(str(tmp_path / 'b.avi')) as opened:
        assert opened.format.name == 'concat'
    with pytest.raises(ValueError, match=r'b\.avi: not a readable video'):
        predict_video(Halves(), tmp_path / 'b.avi', tmp_path / 'c.mp4')


def test_a_file_without_frames_is_named(tmp_path):
    with av.open(str(tmp_path / 'a.mp4'), 'w') as container:
        add_tone(container, container.add_stream('aac', rate=48000), seconds=0.5)
    with pytest.raises(ValueError, match=r'a\.mp4: holds no video.*audio'):
        predict_video(Halves(), tmp_path / 'a.mp4', tmp_path / 'b.mp4')


@pytest.mark.parametrize('options, message', [
    (dict(target='b.gif'), r'b\.gif'),
    (dict(target='a.mp4'), 'different files'),
    (dict(label_video='l.mp4'), r'\.mkv'),
    (dict(batch_size=0), 'batch_size'),
    (dict(opacity=2), 'opacity'),
])  # fmt: skip
def test_wrong_arguments_are_refused(tmp_path, monkeypatch, options, message):
    monkeypatch.chdir(tmp_path)
    content = make(tmp_path / 'a.mp4', count=2).read_bytes()
    with pytest.raises(ValueError, match=message):
        predict_video(Halves(), 'a.mp4', **(dict(target='b.mp4') | options))
    assert (tmp_path / 'a.mp4').read_bytes() == content


def test_an_interrupted_run_leaves_the_old_file(tmp_path):
    class Stopped(Halves):
        def one(self, image):
            if len(self.batches) > 3:
                raise KeyboardInterrupt
            return super().one(image)

    source = make(tmp_path / 'a.mp4')
    (tmp_path / 'out').mkdir()
    (tmp_path / 'out' / 'b.mp4').write_text('old')
    with pytest.raises(KeyboardInterrupt):
        predict_video(Stopped(), source, tmp_path / 'out' / 'b.mp4')
    assert [p.name for p in (tmp_path / 'out').iterdir()] == ['b.mp4']
    assert (tmp_path / 'out' / 'b.mp4').read_text() == 'old'


def test_a_missing_package_is_named_with_its_command(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, 'av', None)
    with pytest.raises(ImportError, match=r'pip install "mmseg-deeplab\[images\]"'):
        predict_video(Halves(), tmp_path / 'a.mp4', tmp_path / 'b.mp4')
