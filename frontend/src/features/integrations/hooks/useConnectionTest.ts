import { type ConnectionTestInput, useTestConnection } from '@/api/configs';
import { displayName, type ProviderName } from '@/api/providers';
import { useToast } from '@/components/ui/Toast';
import { useTexts } from '@/i18n/useTexts';
import { integrationsTexts } from '../i18n/integrationsTexts';

/** Return the connection test and a function that runs it and shows the result as a toast. */
export function useConnectionTest(provider: ProviderName) {
  const t = useTexts(integrationsTexts);
  const toast = useToast();
  const test = useTestConnection(provider);
  const name = displayName(provider);
  const run = (input: ConnectionTestInput) =>
    test.mutate(input, {
      onSuccess: ({ success, code }) =>
        success
          ? toast.success({ title: t('test.toastOk', { name }) })
          : toast.failure({ title: t('test.toastFailed', { name }), description: t(`test.codes.${code}`) }),
      onError: toast.problem,
    });
  return { test, run };
}
