#!/bin/sh
# Who is logged in.
echo "$LAB_USER"
