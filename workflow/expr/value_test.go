package expr_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"yardmaster/workflow/expr"
)

func TestEachKindOfValueIsWhatItWasMadeOf(t *testing.T) {
	t.Parallel()
	array := expr.ArrayOf(expr.NumberOf(1), expr.StringOf("x"))
	object := expr.ObjectOf(expr.Field{Key: "A", Value: array}, expr.Field{Key: "b"})
	tests := []struct {
		value     expr.Value
		kind      string
		text      string
		float     float64
		truthy    bool
		primitive bool
		length    int
	}{
		{expr.Value{}, "Null", "", 0, false, true, 0},
		{expr.BoolOf(true), "Boolean", "true", 1, true, true, 0},
		{expr.BoolOf(false), "Boolean", "false", 0, false, true, 0},
		{expr.NumberOf(1.5), "Number", "1.5", 1.5, true, true, 0},
		{expr.NumberOf(math.NaN()), "Number", "NaN", math.NaN(), false, true, 0},
		{expr.StringOf("0x10"), "String", "0x10", 16, true, true, 0},
		{expr.StringOf(""), "String", "", 0, false, true, 0},
		{array, "Array", "Array", math.NaN(), true, false, 2},
		{object, "Object", "Object", math.NaN(), true, false, 2},
		{expr.ArrayOf(), "Array", "Array", math.NaN(), true, false, 0},
		{expr.ObjectOf(), "Object", "Object", math.NaN(), true, false, 0},
	}
	for _, tt := range tests {
		require.Equal(t, tt.kind, tt.value.Kind().String())
		require.Equal(t, tt.text, tt.value.Text())
		require.Equal(t, fmt.Sprint(tt.float), fmt.Sprint(tt.value.Float())) // NaN, too
		require.Equal(t, tt.truthy, tt.value.Truthy())
		require.Equal(t, tt.primitive, tt.value.IsPrimitive())
		require.Equal(t, tt.length, tt.value.Len())
	}
}

func TestItemsAndFieldsAreReached(t *testing.T) {
	t.Parallel()
	array := expr.ArrayOf(expr.NumberOf(1), expr.StringOf("x"))
	object := expr.ObjectOf(expr.Field{Key: "A", Value: array}, expr.Field{Key: "b", Value: expr.BoolOf(true)})
	require.Equal(t, `"x"`, show(array.At(1)))
	require.Equal(t, "null", show(array.At(2)))
	require.Equal(t, "null", show(array.At(-1)))
	require.Equal(t, "true", show(object.At(1)))
	v, ok := object.Get("a")
	require.True(t, ok)
	require.True(t, expr.Equal(array, v))
	for _, v := range []expr.Value{array, {}, expr.StringOf("A")} {
		_, ok = v.Get("A")
		require.False(t, ok)
	}
	for key, v := range object.All() {
		require.Equal(t, "A", key)
		require.Equal(t, expr.Array, v.Kind())
		break
	}
}

func TestKeysKeepTheirOrderAndTheirCase(t *testing.T) {
	t.Parallel()
	for _, size := range []int{0, 1, 7, 8, 9, 10, 100} { // scanned, and with an index
		var fields []expr.Field
		for i := range size {
			fields = append(fields, expr.Field{Key: fmt.Sprintf("Key%d", size-i), Value: expr.NumberOf(float64(i))})
			fields = append(fields, expr.Field{Key: fmt.Sprintf("KEY%d", size-i), Value: expr.StringOf("too late")})
		}
		object := expr.ObjectOf(fields...)
		require.Equal(t, size, object.Len())
		i := 0
		for key, v := range object.All() {
			require.Equal(t, fmt.Sprintf("Key%d", size-i), key)
			for _, spelt := range []string{key, strings.ToLower(key), strings.ToUpper(key)} {
				got, ok := object.Get(spelt)
				require.True(t, ok)
				require.True(t, expr.Equal(v, got))
			}
			i++
		}
		_, ok := object.Get("key")
		require.False(t, ok)
	}
}
