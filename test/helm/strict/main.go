// Reads rendered manifests on standard input and decodes each strictly into its Kubernetes type: a field that the API
// does not know, or a value of another type, is an error. What is not Kubernetes' own (monitoring.coreos.com) is passed by.
package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/kubernetes/scheme"
)

func main() {
	decoder := serializer.NewCodecFactory(scheme.Scheme, serializer.EnableStrict).UniversalDeserializer()
	documents := yaml.NewYAMLReader(bufio.NewReader(os.Stdin))
	failed := false
	for {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		if _, kind, err := decoder.Decode(document, nil, nil); err == nil {
			fmt.Println("ok", kind.Kind)
		} else if runtime.IsNotRegisteredError(err) {
			fmt.Println("not known", err)
		} else if runtime.IsMissingKind(err) {
			continue
		} else {
			fmt.Println("wrong", err)
			failed = true
		}
	}
	if failed {
		os.Exit(1)
	}
}
