/* 32_functions_ownership */
