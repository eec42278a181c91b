"""Model cards from the `config.json` of Hugging Face repositories, one group of families per file.

Tensor lists follow the modelling code of the public repository huggingface/transformers, and for families that
bring their own (chatglm, deepseek, kimi_k2) the modelling code published with the model.
"""
