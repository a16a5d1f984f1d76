"""What an editor sees: `report.html`, the evidence pack of a change, and why something was flagged or was not.

Everything is made from an output folder alone. The page holds no picture, script or style that is not inside it, and
nothing that a user wrote is ever run as markup: templates escape all text, and its content security policy lets in only
our own script and style, by their hashes.
"""

from changedetect.report.checks import Check
from changedetect.report.explaining import Answer, Explanation, explain_change, explain_place
from changedetect.report.pack import write_pack
from changedetect.report.page import write_report

__all__ = ["Answer", "Check", "Explanation", "explain_change", "explain_place", "write_pack", "write_report"]
