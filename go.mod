module github.com/clinicpass/clinicpass

go 1.21
