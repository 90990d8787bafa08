import { type ConnectionTried, useTestConnection } from '../../../api/configs';
import { integrationsTexts } from '../../../i18n/integrations';
import { useTexts } from '../../../i18n/useTexts';
import { displayName, type ProviderName } from '../../../providers';
import { useToast } from '../../ui/Toast';

/** Tests a connection and says how it went wherever the reader has scrolled to. */
export function useConnectionTest(provider: ProviderName) {
  const t = useTexts(integrationsTexts);
  const toast = useToast();
  const test = useTestConnection(provider);
  const name = displayName(provider);
  const run = (tried: ConnectionTried) =>
    test.mutate(tried, {
      onSuccess: ({ success, code }) =>
        success
          ? toast.done({ title: t('test.toastOk', { name }) })
          : toast.failed({ title: t('test.toastFailed', { name }), description: t(`test.codes.${code}`) }),
      onError: toast.refused,
    });
  return { test, run };
}
