package keycloak

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"math/big"
	"sync"
	"time"
)

// fixedKeys are the key components of a realm for tests. Keycloak makes two RSA
// keys for each realm, which takes longer than all the rest; these are made once
// per process and written nowhere.
var fixedKeys = sync.OnceValues(func() (object, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	subject := x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(1, 0, 0),
	}
	certificate, err := x509.CreateCertificate(rand.Reader, &subject, &subject, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	provider := func(id, algorithm string, extra object) object {
		config := object{"priority": []string{"100"}, "active": []string{"true"}, "enabled": []string{"true"}, "algorithm": []string{algorithm}}
		return object{"name": id, "providerId": id, "config": overlay(config, extra)}
	}
	pair := object{
		"privateKey":  []string{base64.StdEncoding.EncodeToString(private)},
		"certificate": []string{base64.StdEncoding.EncodeToString(certificate)},
	}
	return object{"org.keycloak.keys.KeyProvider": []any{
		provider("rsa", "RS256", pair),
		provider("rsa-enc", "RSA-OAEP", pair),
		provider("hmac-generated", "HS512", nil),
		provider("aes-generated", "AES", nil),
	}}, nil
})
