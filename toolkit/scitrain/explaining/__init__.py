"""Why a model predicts what it predicts: attributions of single rows, importance over many, mapped to what a person sees."""
