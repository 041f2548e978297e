"""Annotations in and out: COCO, Labelme, CVAT, YOLO, Label Studio and plain masks.

A reader (`read_*`) turns a source into a `Document` of `shapes`; `reading.Reading` finds the images and paints the
shapes. Others call `importing.import_annotations`, `corrections.import_corrections`, `objects.find_images` and
`exporting.export_annotations`.
"""
