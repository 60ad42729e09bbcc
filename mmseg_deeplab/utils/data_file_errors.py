"""What can be wrong with a file of a data set.

Every class takes one message, so that a worker process of a data loader can raise
it again in the main process. ``kind`` says what is wrong, as a heading of the report of
``mmseg-deeplab check-data``.
"""

from .errors import InputError


class DataFileError(InputError):
    kind = 'broken file'


class UnreadableFileError(DataFileError):
    kind = 'unreadable file'  # empty, or no image


class TruncatedFileError(DataFileError):
    kind = 'truncated file'


class DamagedFileError(DataFileError):
    kind = 'damaged file'  # a checksum is wrong


class ImageBandsError(DataFileError):
    kind = 'image of other bands or values than the config'


class LabelFormatError(DataFileError):
    kind = 'label without class ids'


class LabelSizeError(DataFileError):
    kind = 'label of another size than its image'


class LabelValueError(DataFileError):
    kind = 'label values outside the classes'


class LabelColorError(DataFileError):
    kind = 'label colours outside the class list'


class SegmentClassError(DataFileError):
    kind = 'panoptic ids without a category'


class AbsentSegmentError(DataFileError):
    kind = 'listed segments that have no pixel'


class UnpairedFilesError(DataFileError):
    kind = 'image or label without its partner'
