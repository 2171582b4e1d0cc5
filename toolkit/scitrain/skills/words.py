"""The sentences of an answer, in both languages."""

from typing import Final

from scitrain.skills.manifest import Both

__all__ = ["SAY"]

SAY: Final[dict[str, Both]] = {
    "data": Both(
        en="path of the data, or builtin:NAME; ask the user", ja="データのパス、または builtin:名前。利用者に尋ねる"
    ),
    "run_of": Both(en="run_id that {tool} answers", ja="{tool} が返す run_id"),
    "best_of": Both(en="best_run that get_run tells of {tool}", ja="get_run が {tool} について示す best_run"),
    "listed_run": Both(
        en="run id of {tool} from list_runs, or ask the user which",
        ja="list_runs で得る {tool} の run_id。利用者に尋ねてもよい",
    ),
    "diffusion": Both(
        en="molecule_diffusion of SMILES, composition_diffusion of formulas: inspect_dataset tells which the data hold",
        ja="SMILES なら molecule_diffusion、組成式なら composition_diffusion。inspect_dataset でどちらか分かる",
    ),
    "columns": Both(
        en="names to heed, a measured property by its column (inspect_dataset lists them); said: {told}",
        ja="指定する物性の名前。測定値は列の名前で（inspect_dataset が一覧にする）。依頼では {told}",
    ),
    "tells": Both(
        en="by property a value, or min and max both, inside the training data; said: {told}",
        ja="物性ごとに一つの値、または min と max の両方（学習データの範囲内）。依頼では {told}",
    ),
    "goals": Both(
        en="by property, a predicted one by its column: a number, {{min, max}}, maximize or minimize; said: {told}; ask for the rest",
        ja="物性ごと（予測するものは列の名前）に値、{{min, max}}、maximize、minimize のいずれか。依頼では {told}。不明な点は利用者に尋ねる",
    ),
    "run": Both(
        en="run_id from list_runs, or ask the user which run",
        ja="list_runs で得る run_id。どの実行か利用者に尋ねてもよい",
    ),
    "source": Both(
        en="weights to begin from: a model's name, a folder, a run id (list_runs), or builtin with model=NAME; ask the user",
        ja="出発点の重み（モデル名、フォルダ、list_runs で得る run_id、または builtin と model=名前）。利用者に尋ねる",
    ),
    "candidates": Both(
        en="a file, the texts, or the run id of a generate_candidates run (list_runs); ask the user",
        ja="ファイル、文字列の一覧、または generate_candidates の run_id（list_runs で得る）。利用者に尋ねる",
    ),
    "runs": Both(en="two or more run ids from list_runs", ja="list_runs で得る 2 つ以上の run_id"),
    "inputs": Both(
        en="values to predict for, such as SMILES or formulas; or data=FILE instead",
        ja="予測したい値（SMILES や組成式など）。ファイルなら代わりに data=パス",
    ),
    "other": Both(en="ask the user", ja="利用者に尋ねる"),
    "target_known": Both(en="the file has a column {name!r}", ja="ファイルに列 {name!r} がある"),
    "target_unknown": Both(
        en="which column is to be predicted? inspect_dataset lists them",
        ja="どの列を予測しますか。inspect_dataset が列を一覧にします",
    ),
    "target_several": Both(en="which of these columns is the target: {names}?", ja="目的変数はどの列ですか: {names}"),
    "which_data": Both(
        en="which file (CSV, TSV, Parquet, JSONL, SDF, image folder) or built-in set?",
        ja="どのデータですか（CSV・TSV・Parquet・JSONL・SDF・画像フォルダ、または builtin:名前）",
    ),
    "which_run": Both(en="which run? list_runs shows them", ja="どの実行（run）ですか。list_runs で一覧できます"),
    "why": Both(en="the request speaks of {phrases}", ja="依頼に {phrases} とある"),
    "named": Both(en="it names {names}", ja="{names} が指定されている"),
    "nothing": Both(
        en="No skill fits this request. What there is: {about}",
        ja="この依頼に合うスキルはありません。できること: {about}",
    ),
    "foreign": Both(en="{phrases} is not something these tools do. ", ja="「{phrases}」はここの道具の範囲外です。"),
    "perhaps": Both(
        en=" If that is what you mean, say which data (a file or builtin:NAME) and what to predict.",
        ja=" それを望む場合は、データ（ファイルまたは builtin:名前）と予測したいものを教えてください。",
    ),
    "not_installed": Both(
        en="This belongs to the skill {title}, which is not installed yet. Nearest now: ",
        ja="これはスキル「{title}」の仕事ですが、まだ入っていません。今できる最も近いこと: ",
    ),
    "no_skills": Both(
        en="No skill is installed: the folder of the skills is empty or missing; reinstall scitrain",
        ja="スキルが入っていません。skills フォルダが空か見つからないため、scitrain を入れ直してください",
    ),
    "empty": Both(
        en="The request is empty; say in a sentence what you want.", ja="依頼が空です。望むことを一文で書いてください。"
    ),
    "dropped": Both(
        en="{tool}: {name}={value!r} is not allowed and was left out",
        ja="{tool}: {name}={value!r} は使えないので省いた",
    ),
    "extra_files": Both(
        en="also named, but not used: {names}", ja="次のファイルも挙げられているが使っていない: {names}"
    ),
}
"""By what is said; ``{blanks}`` are filled by `str.format`."""
