/* 33_functions_jit */
