#!/bin/sh
echo "run with $(cat message)"
