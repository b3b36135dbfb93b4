// The official Go client against the served fake: every method a provisioning run and its upkeep call.
//
// Usage: goclient ADDRESS CA_FILE. It prints one line a step and exits 1 at the first surprise.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"hash/crc32"
	"os"

	secretmanager "cloud.google.com/go/secretmanager/apiv1"
	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"google.golang.org/api/iterator"
	"google.golang.org/api/option"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
)

const parent = "projects/go-customer"

func main() {
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "goclient:", err)
		os.Exit(1)
	}
}

func run(address, caFile string) error {
	ctx := context.Background()
	pem, err := os.ReadFile(caFile)
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return errors.New("the CA file holds no certificate")
	}
	client, err := secretmanager.NewClient(ctx,
		option.WithEndpoint(address),
		option.WithoutAuthentication(),
		option.WithGRPCDialOption(grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{RootCAs: roots}))))
	if err != nil {
		return err
	}
	defer client.Close()
	for _, step := range []struct {
		name string
		do   func(context.Context, *secretmanager.Client) error
	}{
		{"create and read", createAndRead},
		{"checksums", checksums},
		{"etags", etags},
		{"states and listing", statesAndListing},
		{"error details", errorDetails},
		{"delete", remove},
	} {
		if err := step.do(ctx, client); err != nil {
			return fmt.Errorf("%s: %w", step.name, err)
		}
		fmt.Println("ok:", step.name)
	}
	return nil
}

func createAndRead(ctx context.Context, client *secretmanager.Client) error {
	secret, err := client.CreateSecret(ctx, &secretmanagerpb.CreateSecretRequest{
		Parent:   parent,
		SecretId: "s",
		Secret: &secretmanagerpb.Secret{
			Labels: map[string]string{"managed-by": "hyperfleet"},
			Replication: &secretmanagerpb.Replication{
				Replication: &secretmanagerpb.Replication_Automatic_{Automatic: &secretmanagerpb.Replication_Automatic{}},
			},
		},
	})
	if err != nil {
		return err
	}
	found, err := client.GetSecret(ctx, &secretmanagerpb.GetSecretRequest{Name: secret.Name})
	if err != nil {
		return err
	}
	if found.Etag == "" || found.CreateTime == nil || found.Labels["managed-by"] != "hyperfleet" {
		return fmt.Errorf("incomplete secret %v", found)
	}
	return nil
}

func add(ctx context.Context, client *secretmanager.Client, data string) (*secretmanagerpb.SecretVersion, error) {
	sum := int64(crc32.Checksum([]byte(data), crc32.MakeTable(crc32.Castagnoli)))
	return client.AddSecretVersion(ctx, &secretmanagerpb.AddSecretVersionRequest{
		Parent:  parent + "/secrets/s",
		Payload: &secretmanagerpb.SecretPayload{Data: []byte(data), DataCrc32C: &sum},
	})
}

func checksums(ctx context.Context, client *secretmanager.Client) error {
	version, err := add(ctx, client, "payload")
	if err != nil {
		return err
	}
	if !version.ClientSpecifiedPayloadChecksum {
		return errors.New("the checksum we sent is not acknowledged")
	}
	answer, err := client.AccessSecretVersion(ctx, &secretmanagerpb.AccessSecretVersionRequest{
		Name: parent + "/secrets/s/versions/latest",
	})
	if err != nil {
		return err
	}
	sum := int64(crc32.Checksum(answer.Payload.Data, crc32.MakeTable(crc32.Castagnoli)))
	if answer.Name != version.Name || answer.Payload.GetDataCrc32C() != sum {
		return fmt.Errorf("version %s read back as %s with checksum %d", version.Name, answer.Name, answer.Payload.GetDataCrc32C())
	}
	wrong := sum + 1
	_, err = client.AddSecretVersion(ctx, &secretmanagerpb.AddSecretVersionRequest{
		Parent:  parent + "/secrets/s",
		Payload: &secretmanagerpb.SecretPayload{Data: []byte("other"), DataCrc32C: &wrong},
	})
	return expect(err, codes.InvalidArgument)
}

func etags(ctx context.Context, client *secretmanager.Client) error {
	secret, err := client.GetSecret(ctx, &secretmanagerpb.GetSecretRequest{Name: parent + "/secrets/s"})
	if err != nil {
		return err
	}
	update := &secretmanagerpb.UpdateSecretRequest{
		Secret: &secretmanagerpb.Secret{
			Name: secret.Name, Etag: secret.Etag, Labels: map[string]string{"managed-by": "hyperfleet", "round": "2"},
		},
		UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"labels"}},
	}
	if _, err = client.UpdateSecret(ctx, update); err != nil {
		return err
	}
	_, err = client.UpdateSecret(ctx, update)
	return expect(err, codes.FailedPrecondition)
}

func statesAndListing(ctx context.Context, client *secretmanager.Client) error {
	version, err := add(ctx, client, "second")
	if err != nil {
		return err
	}
	first := parent + "/secrets/s/versions/1"
	if _, err = client.DisableSecretVersion(ctx, &secretmanagerpb.DisableSecretVersionRequest{Name: first}); err != nil {
		return err
	}
	_, err = client.AccessSecretVersion(ctx, &secretmanagerpb.AccessSecretVersionRequest{Name: first})
	if err := expect(err, codes.FailedPrecondition); err != nil {
		return err
	}
	destroyed, err := client.DestroySecretVersion(ctx, &secretmanagerpb.DestroySecretVersionRequest{Name: first})
	if err != nil {
		return err
	}
	if destroyed.DestroyTime == nil {
		return errors.New("no destroy time")
	}
	versions := client.ListSecretVersions(ctx, &secretmanagerpb.ListSecretVersionsRequest{
		Parent: parent + "/secrets/s", PageSize: 1,
	})
	var names []string
	for {
		one, err := versions.Next()
		if errors.Is(err, iterator.Done) {
			break
		}
		if err != nil {
			return err
		}
		names = append(names, one.Name)
	}
	if len(names) != 2 || names[0] != version.Name {
		return fmt.Errorf("listed %v", names)
	}
	enabled := client.ListSecretVersions(ctx, &secretmanagerpb.ListSecretVersionsRequest{
		Parent: parent + "/secrets/s", Filter: "state:ENABLED",
	})
	only, err := enabled.Next()
	if err != nil || only.Name != version.Name {
		return fmt.Errorf("filtered to %v, %w", only, err)
	}
	return nil
}

func errorDetails(ctx context.Context, client *secretmanager.Client) error {
	_, err := client.GetSecret(ctx, &secretmanagerpb.GetSecretRequest{Name: "projects/switched-off/secrets/s"})
	if err := expect(err, codes.PermissionDenied); err != nil {
		return err
	}
	for _, detail := range status.Convert(err).Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok && info.Reason == "SERVICE_DISABLED" {
			return nil
		}
	}
	return fmt.Errorf("no ErrorInfo in %v", err)
}

func remove(ctx context.Context, client *secretmanager.Client) error {
	name := parent + "/secrets/s"
	if err := client.DeleteSecret(ctx, &secretmanagerpb.DeleteSecretRequest{Name: name}); err != nil {
		return err
	}
	_, err := client.GetSecret(ctx, &secretmanagerpb.GetSecretRequest{Name: name})
	return expect(err, codes.NotFound)
}

func expect(err error, code codes.Code) error {
	if status.Code(err) != code {
		return fmt.Errorf("expected %s, got: %w", code, err)
	}
	return nil
}
