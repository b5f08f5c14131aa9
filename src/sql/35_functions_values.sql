/* 35_functions_values */
