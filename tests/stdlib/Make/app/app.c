#if WITH_TLS != 1
#error the argument did not come
#endif

int main(void) {
    return 0;
}
