import { Toast } from '@base-ui/react/toast';
import { type ReactNode, useMemo } from 'react';
import { commonTexts } from '@/i18n/common/commonTexts';
import { useProblemText } from '@/i18n/useProblemText';
import { useRequestIdText } from '@/i18n/useRequestIdText';
import { useTexts } from '@/i18n/useTexts';
import styles from './Toast.module.css';

const SHOWN_MS = 6000;

/** Provider of short messages in the window's corner. Screen readers announce them; F6 moves the focus to them. */
export function ToastProvider({ children }: { readonly children: ReactNode }) {
  return (
    <Toast.Provider timeout={SHOWN_MS}>
      {children}
      <ToastViewport />
    </Toast.Provider>
  );
}

function ToastViewport() {
  const t = useTexts(commonTexts);
  const { toasts } = Toast.useToastManager();
  return (
    <Toast.Portal>
      <Toast.Viewport className={styles.viewport} aria-label={t('notifications')}>
        {toasts.map((toast) => (
          <Toast.Root key={toast.id} toast={toast} className={styles.toast}>
            <Toast.Content className={styles.content}>
              <div>
                <Toast.Title className={styles.title} render={<p />} />
                <Toast.Description className={styles.description} />
              </div>
              <Toast.Close className={styles.close} aria-label={t('close')}>
                ×
              </Toast.Close>
            </Toast.Content>
          </Toast.Root>
        ))}
      </Toast.Viewport>
    </Toast.Portal>
  );
}

interface Message {
  readonly title: string;
  readonly description?: string;
}

/** Return functions that show a toast: `success`, `failure`, and `problem` for an error of the API. */
export function useToast() {
  const { add } = Toast.useToastManager();
  const problemText = useProblemText();
  const requestId = useRequestIdText();
  return useMemo(
    () => ({
      success: (message: Message) => void add({ ...message, type: 'done', priority: 'low' }),
      failure: (message: Message) => void add({ ...message, type: 'failed', priority: 'high' }),
      // Show it until the user closes it, because the request id may have to be copied.
      problem: (error: unknown) =>
        void add({
          title: problemText(error),
          description: requestId(error),
          type: 'failed',
          priority: 'high',
          timeout: 0,
        }),
    }),
    [add, problemText, requestId],
  );
}
