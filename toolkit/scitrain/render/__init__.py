"""Turn the record and the results of a run into pages: model card, report, script. Nothing is computed anew."""

from scitrain.render.card import render_card
from scitrain.render.generated import render_generated
from scitrain.render.generator_card import render_generator_card, render_generator_report
from scitrain.render.limits import limits
from scitrain.render.pretraining_card import render_pretraining_card, render_pretraining_report
from scitrain.render.report import render_report
from scitrain.render.script import render_train_script

__all__ = [
    "limits",
    "render_card",
    "render_generated",
    "render_generator_card",
    "render_generator_report",
    "render_pretraining_card",
    "render_pretraining_report",
    "render_report",
    "render_train_script",
]
