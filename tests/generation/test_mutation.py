import pytest

from scitrain.chem.formulas import parse, reduced
from scitrain.chem.molecules import standardise
from scitrain.generation.formula_mutation import FormulaMutation
from scitrain.generation.generators import Generator
from scitrain.generation.molecule_mutation import MoleculeMutation

FORMULAS = ["NaCl", "KBr", "LiCoO2", "Fe2O3", "CaTiO3", "ZnS", "MgAl2O4"]
MOLECULES = ["CCO", "c1ccccc1O", "CC(=O)Oc1ccccc1C(=O)O", "CCN(CC)CC", "Clc1ccccc1", "CC(C)=O"]


def makers() -> list[Generator]:
    return [FormulaMutation(FORMULAS, FORMULAS), MoleculeMutation(MOLECULES, MOLECULES)]


@pytest.mark.parametrize("which", [0, 1])
def test_the_same_seed_gives_the_same_children_and_another_others(which: int) -> None:
    one, two = makers()[which], makers()[which]
    assert one.sample(30, {}, 1) == two.sample(30, {}, 1)
    assert one.sample(30, {}, 1) != two.sample(30, {}, 2)


def test_every_child_of_formulas_is_a_reduced_formula_of_known_elements() -> None:
    children = FormulaMutation(FORMULAS, FORMULAS).sample(200, {}, 0)
    known = {symbol for name in FORMULAS for symbol in parse(name)}
    assert all(reduced(child) == child and set(parse(child)) <= known for child in children)
    assert len(set(children) - set(FORMULAS)) > 100


def test_every_child_of_molecules_is_a_molecule() -> None:
    children = MoleculeMutation(MOLECULES, MOLECULES).sample(200, {}, 0)
    found = [one.smiles for one in standardise([child for child in children if child])]
    assert all(found)
    assert len(set(found)) > 80


def test_what_is_tuned_on_one_parent_stays_near_it() -> None:
    generator = FormulaMutation(FORMULAS, FORMULAS)
    generator.tune(["NaCl"])
    near = sum(bool({"Na", "Cl"} & set(parse(child))) for child in generator.sample(200, {}, 0))
    assert near > 150
    generator.tune([])
    assert generator.parents == ["NaCl"]


def test_a_molecule_without_selfies_does_not_stop_the_search() -> None:
    assert len(MoleculeMutation(["[Na+].[Cl-]", "F[P-](F)(F)(F)(F)F"], ["CCO"]).sample(20, {}, 0)) == 20
