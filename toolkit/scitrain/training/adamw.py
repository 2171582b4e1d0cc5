"""AdamW without its look for a GPU in every step."""

import torch

__all__ = ["AdamW"]


class AdamW(torch.optim.AdamW):
    """The optimiser of torch; before each step that one asks the driver whether a GPU records a graph, which nothing here does.

    Under Lightning's settings the question costs as much as a tenth of a step of a small network.
    """

    def _accelerator_graph_capture_health_check(self) -> None:
        """Ask nothing."""

    _cuda_graph_capture_health_check = _accelerator_graph_capture_health_check  # its name in earlier releases
