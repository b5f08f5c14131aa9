/* 31_functions_bans */
