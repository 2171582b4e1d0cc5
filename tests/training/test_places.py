import pytest

from scitrain.errors import ScitrainError
from scitrain.training.auto import choose
from scitrain.training.places import Place, first_node, here, place_from, placed

TORCHRUN = {
    "RANK": "3", "WORLD_SIZE": "4", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "2", "MASTER_ADDR": "node1", "MASTER_PORT": "29500",
}  # fmt: skip
SLURM = {
    "SLURM_PROCID": "3", "SLURM_NTASKS": "4", "SLURM_LOCALID": "1", "SLURM_NODEID": "1", "SLURM_JOB_ID": "1234567",
    "SLURM_JOB_NODELIST": "gpu[003-004]", "SLURM_TASKS_PER_NODE": "2(x2)",
}  # fmt: skip


def test_a_process_that_no_launcher_started_has_no_place():
    assert place_from({}) is None
    assert place_from({"SLURM_NTASKS": "4", "SLURM_JOB_ID": "7"}) is None
    assert here() is None


def test_torchrun_says_the_place():
    assert place_from(TORCHRUN) == Place(3, 4, 1, 2, "node1", 29500, "torchrun")
    assert place_from(TORCHRUN | {"TORCHELASTIC_USE_AGENT_STORE": "True"}).agent_store


def test_slurm_says_the_place_and_all_tasks_compute_one_meeting_point():
    found = place_from(SLURM)
    assert found == Place(3, 4, 1, 2, "gpu003", 20_000 + 1234567 % 20_000, "Slurm")
    other = place_from(SLURM | {"SLURM_PROCID": "0", "SLURM_LOCALID": "0", "SLURM_NODEID": "0"})
    assert (other.address, other.port) == (found.address, found.port)


def test_the_tasks_of_a_step_count_and_not_those_of_the_job():
    step = SLURM | {
        "SLURM_NTASKS": "8",
        "SLURM_STEP_NUM_TASKS": "4",
        "SLURM_STEP_NODELIST": "n7",
        "SLURM_STEP_TASKS_PER_NODE": "1,3",
    }
    found = place_from(step)
    assert (found.world, found.local_world, found.address) == (4, 3, "n7")


@pytest.mark.parametrize(
    ("nodes", "first"),
    [
        ("n1", "n1"),
        ("n1,n2", "n1"),
        ("gpu[003-007,9],x1", "gpu003"),
        ("r1[2,4]-ib", "r12-ib"),
        ("a-b-1.cluster", "a-b-1.cluster"),
    ],
)
def test_the_first_machine_of_a_list(nodes, first):
    assert first_node(nodes) == first


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"RANK": "4"}, "process 4 of 4, which are counted from 0"),
        ({"RANK": "one"}, "RANK='one' is no whole number"),
        ({"MASTER_ADDR": "", "MASTER_PORT": ""}, "not MASTER_ADDR and MASTER_PORT"),
    ],
)
def test_an_environment_that_does_not_fit_together_is_refused(changes, says):
    with pytest.raises(ScitrainError, match=says):
        place_from(TORCHRUN | changes)


def test_a_child_gets_its_place_by_the_environment():
    place = Place(1, 2, 1, 2, "127.0.0.1", 4711, "local")
    assert place_from(place.environment()) == Place(1, 2, 1, 2, "127.0.0.1", 4711, "torchrun")


def test_a_launcher_decides_how_many_processes_share_a_batch(learning):
    work = learning()

    def processes(**options):
        chosen = work.options.model_copy(update=options)
        return choose(chosen, work.model, work.shape, 90)[0].processes

    with placed(place_from(TORCHRUN)):
        assert processes() == processes(devices=4) == 4
        assert processes(devices=1) == 1
        with pytest.raises(ScitrainError, match="devices=2 was asked for, but torchrun started 4 processes"):
            processes(devices=2)
    assert processes() == 1
